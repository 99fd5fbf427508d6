"""The audit log of commands: one line for each operation, also one that is refused."""

import json
import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import CLI

SCRIPT = """
from agentos.domain.agent import Agent
from agentos.hookspecs import hookimpl
from agentos.models.scripted import ScriptedProvider, call
from agentos.tools.tool import tool

@tool(approval=True)
def pay(amount: int) -> str:
    '''Pay.'''
    return "paid"

@hookimpl
def register_tools(register):
    register(pay)

@hookimpl
def register_model_providers(register):
    register("payer", lambda config: ScriptedProvider([[call("pay", '{"amount": 7}')], ["Done."]]))

@hookimpl
def register_agents(register):
    register(Agent(id="payer", model="payer:x", tools=["pay"]))
"""

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(cli: CLI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lines:
    """Return a function that returns the lines of the audit file since it was called before."""
    file = tmp_path / "audit.log"
    monkeypatch.setenv("AGENTOS_AUDIT_LOG", str(file))
    read = 0

    def new() -> list[dict[str, Any]]:
        nonlocal read
        found = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        read, since = len(found), read
        return found[since:]

    return new


def short(line: dict[str, Any]) -> tuple[Any, ...]:
    return line["action"], line["outcome"], line.get("object"), line.get("code")


def test_who_did_what_from_where(cli: CLI, lines: Lines) -> None:
    text = cli.ok("keys", "create", "ci", "--scope", "agents:read").strip()
    [line] = lines()
    assert line.pop("time")
    key = line.pop("object")
    assert line == {
        "level": "info",
        "logger": "agentos.audit",
        "message": "key.create done",
        "action": "key.create",
        "outcome": "done",
        "by": "operator",
        "door": "cli",
        "user": pwd.getpwuid(os.getuid()).pw_name,
        "details": {"name": "ci", "owner": "ci", "scopes": ["agents:read"]},
    }
    assert key in text
    assert text not in json.dumps(line)


def test_keys(cli: CLI, lines: Lines) -> None:
    text = cli.ok("keys", "create", "ci").strip()
    cli.fails("keys", "create", "ci")
    cli.ok("keys", "revoke", text)
    cli.fails("keys", "revoke", "aos_0123456789abcdef_" + "s" * 43)
    found = lines()
    key = found[0]["object"]
    assert [short(line) for line in found] == [
        ("key.create", "done", key, None),
        ("key.create", "refused", "ci", "INVALID_REQUEST"),
        ("key.revoke", "done", key, None),
        ("key.revoke", "refused", "aos_0123456789abcdef_***", "NOT_FOUND"),
    ]


def test_agents(cli: CLI, lines: Lines, tmp_path: Path) -> None:
    cli.ok("register", "a", "--model", "scripted:echo")
    cli.fails("register", "a", "--model", "scripted:echo")
    cli.ok("register", "a", "--model", "scripted:echo", "--instructions", "Be brief.", "--update")
    cli.ok("agents", "rollback", "a", "1")
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "b.yaml").write_text("id: b\nmodel: scripted:echo\n")
    cli.ok("agents", "import", "files", "--prune")
    cli.ok("agents", "import", "files", "--dry-run")
    cli.ok("unregister", "b")
    cli.fails("unregister", "b")
    assert [(*short(line), line.get("details")) for line in lines()] == [
        ("agent.create", "done", "a", None, {"version": 1}),
        ("agent.create", "refused", "a", "AGENT_EXISTS", None),
        ("agent.update", "done", "a", None, {"version": 2}),
        ("agent.rollback", "done", "a", None, {"to": 1, "version": 3}),
        ("agent.create", "done", "b", None, {"version": 1}),
        ("agent.delete", "done", "a", None, None),
        ("agent.delete", "done", "b", None, None),
        ("agent.delete", "refused", "b", "AGENT_NOT_FOUND", None),
    ]


def test_approvals(cli: CLI, lines: Lines, install_plugin: Callable[[str, str], None]) -> None:
    install_plugin("payers", SCRIPT)
    cli("run", "payer", "pay")
    [waiting] = cli.json("approvals", "list")["approvals"]
    cli.fails("approvals", "approve", "nothing")
    cli.fails("approvals", "answer", waiting["id"], "yes")
    cli.ok("approvals", "reject", waiting["id"], "--message", "a private reason")
    cli.fails("approvals", "rules", "revoke", "nothing")
    found = lines()
    assert [short(line) for line in found] == [
        ("approval.answer", "refused", None, "NOT_FOUND"),
        ("approval.answer", "refused", waiting["run_id"], "INVALID_REQUEST"),
        ("approval.answer", "done", waiting["run_id"], None),
        ("rule.revoke", "refused", "nothing", "NOT_FOUND"),
    ]
    assert found[2]["details"] == {"answers": [{"id": waiting["id"], "answer": "reject"}]}
    assert "private" not in json.dumps(found)


def test_deletions(cli: CLI, lines: Lines) -> None:
    run_id = cli.json("run", "assistant", "Hi")["run_id"]
    session = cli("chat", "assistant", input="Hello\n").stderr.splitlines()[0].removeprefix("Session ")
    cli.ok("runs", "delete", run_id)
    cli.fails("runs", "delete", run_id)
    cli.ok("sessions", "delete", session)
    cli.ok("data", "delete", "anonymous", "--yes")
    cli.ok("prune")
    cli.ok("sessions", "prune", "--older-than", "30d", "--yes")
    assert [short(line) for line in lines()] == [
        ("run.delete", "done", run_id, None),
        ("run.delete", "refused", run_id, "RUN_NOT_FOUND"),
        ("session.delete", "done", session, None),
        ("data.delete", "done", "anonymous", None),
        ("data.prune", "done", None, None),
        ("data.prune", "done", None, None),
    ]


def test_a_terminal_is_not_disturbed_unless_the_log_is_wanted(cli: CLI, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "agentos.audit" not in cli("register", "a", "--model", "scripted:echo").stderr
    monkeypatch.setenv("AGENTOS_LOG_LEVEL", "info")
    assert cli("register", "b", "--model", "scripted:echo").stderr.count("agentos.audit") == 1
