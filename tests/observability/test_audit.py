"""The audit log: who did what with keys, agents, approvals and data, when, from where, and with what outcome."""

import json
import logging
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from agentos.api.kit.routes import Route
from agentos.app import create_app
from agentos.config import Config
from agentos.domain.agent import Agent
from agentos.domain.principal import OPERATOR
from agentos.errors import ConfigError, PluginError
from agentos.hookspecs import hookimpl
from agentos.models.scripted import ScriptedProvider, call
from agentos.observability.audit import log_operation, repeated
from agentos.services.housekeeping import HousekeepingService
from agentos.testing import AgentClient
from agentos.tools.tool import tool
from agentos.web import PathParameter, ResponseSpec, Routes, json_response
from parts.waiting import until

ADDRESS = "192.0.2.7"


@tool(approval=True)
def pay(amount: int) -> str:
    """Pay."""
    return f"paid {amount}"


class Script:
    @hookimpl
    def register_model_providers(self, register: Any) -> None:
        turns = [[call("pay", '{"amount": 7}')], ["Done."]] * 3
        register("payer", lambda config: ScriptedProvider(turns))


class Audited:
    """A server that asks for keys, and its audit lines."""

    def __init__(self, app: Flask, caplog: pytest.LogCaptureFixture) -> None:
        self.app, self._caplog = app, caplog
        self.services = app.extensions["agentos"]
        self.root, self.root_key = self.services.keys.create(name="root", scopes=["admin"])
        self.user, self.user_key = self.services.keys.create(name="user")

    def __call__(self, method: str, path: str, *, key: str | None = "", **options: Any) -> Any:
        """Send a request, with the administrator's key unless another or none is given; return the answer."""
        headers = {} if key is None else {"Authorization": f"Bearer {key or self.root}"}
        client = AgentClient(self.app)
        return client.open(path, method=method, headers=headers, environ_overrides={"REMOTE_ADDR": ADDRESS}, **options)

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines so far, and forget them."""
        names = ("action", "outcome", "object", "by", "owner", "door", "address", "code", "details", "request_id")
        found = [vars(record) for record in self._caplog.records if record.name == "agentos.audit"]
        self._caplog.clear()
        return [{name: line[name] for name in names if name in line} for line in found]

    def has_lines(self) -> bool:
        """Return whether there is a line."""
        return any(record.name == "agentos.audit" for record in self._caplog.records)

    def line(self) -> dict[str, Any]:
        """Return the one line of the operation before."""
        (line,) = self.lines()
        return line


@pytest.fixture
def serve_audited(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> Iterator[Callable[..., Audited]]:
    caplog.set_level(logging.INFO, "agentos.audit")
    made: list[Audited] = []

    def serve(**settings: Any) -> Audited:
        given = {"database_url": f"sqlite:///{tmp_path}/a.db", "auth": ("api_key",), "model": "scripted:echo"}
        payer = Agent(id="payer", model="payer:x", tools=["pay"])
        config = Config(environ={}, plugins=(), **given, **settings)
        made.append(Audited(create_app(config, agents={"payer": payer}, tools=[pay], plugins={"s": Script()}), caplog))
        caplog.clear()
        return made[-1]

    yield serve
    for one in made:
        one.services.close()


@pytest.fixture
def audited(serve_audited: Callable[..., Audited]) -> Audited:
    return serve_audited()


def test_a_key_that_is_made_and_revoked(audited: Audited) -> None:
    made = audited("POST", "/api/v1/keys", json={"name": "new", "scopes": ["agents:read"]})
    line = audited.line()
    assert line.pop("request_id") == made.headers["X-Request-ID"]
    assert line == {
        "action": "key.create",
        "outcome": "done",
        "object": made.json["id"],
        "by": f"key:{audited.root_key.id}",
        "owner": "root",
        "door": "http",
        "address": ADDRESS,
        "details": {"name": "new", "owner": "new", "scopes": ["agents:read"]},
    }
    assert made.json["key"] not in str(line)
    audited("DELETE", f"/api/v1/keys/{made.json['id']}")
    assert audited.line() | {"request_id": ""} == {
        "action": "key.revoke",
        "outcome": "done",
        "object": made.json["id"],
        "owner": "root",
        "request_id": "",
        "by": f"key:{audited.root_key.id}",
        "door": "http",
        "address": ADDRESS,
    }


@pytest.mark.parametrize(
    ("method", "path", "body", "action", "object"),
    [
        ("POST", "/api/v1/keys", {"name": "x"}, "key.create", None),
        ("DELETE", "/api/v1/keys/0123456789abcdef", None, "key.revoke", "0123456789abcdef"),
        ("POST", "/api/v1/agents", {"id": "x", "model": "scripted:echo"}, "agent.create", None),
        ("PUT", "/api/v1/agents/x", {"model": "scripted:echo"}, "agent.update", "x"),
        ("POST", "/api/v1/agents/x/rollback", {"version": 1}, "agent.rollback", "x"),
        ("DELETE", "/api/v1/agents/x", None, "agent.delete", "x"),
        ("POST", "/api/v1/runs/r/resume", {"answers": [{"id": "a"}]}, "approval.answer", "r"),
        ("DELETE", "/api/v1/approvals/rules/r", None, "rule.revoke", "r"),
        ("DELETE", "/api/v1/sessions/s", None, "session.delete", "s"),
        ("DELETE", "/api/v1/runs/r", None, "run.delete", "r"),
        ("DELETE", "/api/v1/data?owner=o", None, "data.delete", None),
    ],
)
def test_a_request_that_is_refused_has_one_line_too(
    audited: Audited, method: str, path: str, body: Any, action: str, object: str | None
) -> None:
    named = {} if object is None else {"object": object}
    assert audited(method, path, key=None, json=body).status_code == 401
    line = audited.line()
    line.pop("request_id")
    unknown = {"action": action, "outcome": "refused", "code": "UNAUTHENTICATED", "door": "http", "address": ADDRESS}
    assert line == unknown | named
    text, key = audited.services.keys.create(name="weak", scopes=["agents:read"])
    assert audited(method, path, key=text, json=body).status_code == 403
    line = audited.line()
    line.pop("request_id")
    assert line == {**unknown, **named, "code": "FORBIDDEN", "by": f"key:{key.id}", "owner": "weak"}


def test_strangers_whom_a_limit_refuses_do_not_fill_the_log(serve_audited: Callable[..., Audited]) -> None:
    audited = serve_audited(failed_auth_rate_limit="3/hour")
    repeated.forget()
    answers = [audited("DELETE", f"/api/v1/runs/{number}", key=None) for number in range(20)]
    assert [answer.status_code for answer in answers] == [401] * 3 + [429] * 17
    lines = audited.lines()
    assert [line["code"] for line in lines] == ["UNAUTHENTICATED"] * 3 + ["RATE_LIMITED"]
    assert lines[-1]["object"] == "3"


def test_an_agent_from_its_making_to_its_end(audited: Audited) -> None:
    document = {"id": "helper", "model": "scripted:echo"}
    audited("POST", "/api/v1/agents", json=document)
    audited("POST", "/api/v1/agents", json=document)
    audited("PUT", "/api/v1/agents/helper", json={"model": "scripted:echo", "instructions": "secret words"})
    audited("POST", "/api/v1/agents/helper/rollback", json={"version": 1})
    audited("DELETE", "/api/v1/agents/helper")
    audited("DELETE", "/api/v1/agents/helper")
    lines = audited.lines()
    told = [(one["action"], one["outcome"], one.get("code"), one.get("details")) for one in lines]
    assert told == [
        ("agent.create", "done", None, {"version": 1}),
        ("agent.create", "refused", "AGENT_EXISTS", None),
        ("agent.update", "done", None, {"version": 2}),
        ("agent.rollback", "done", None, {"to": 1, "version": 3}),
        ("agent.delete", "done", None, None),
        ("agent.delete", "refused", "AGENT_NOT_FOUND", None),
    ]
    assert {one["object"] for one in lines} == {"helper"}
    assert "secret words" not in str(lines)


def test_an_approval_and_what_is_deleted(audited: Audited) -> None:
    run = audited("POST", "/api/v1/agents/payer/run", json={"input": "pay 7"}).json
    action = run["pending"][0]["id"]
    answers = {"answers": [{"id": action, "decision": "reject", "message": "a private reason"}]}
    path = f"/api/v1/runs/{run['run_id']}"
    assert audited("POST", f"{path}/resume", key=audited.user, json=answers).status_code == 404
    refused = audited.line()
    assert (refused["outcome"], refused["code"], refused["object"]) == ("refused", "RUN_NOT_FOUND", run["run_id"])
    assert audited("POST", f"{path}/resume", json=answers).status_code == 202
    line = audited.line()
    assert (line["action"], line["outcome"], line["object"]) == ("approval.answer", "done", run["run_id"])
    assert line["details"] == {"answers": [{"id": action, "answer": "reject"}]}
    assert "private" not in str(line)
    audited.services.runs.open(run["run_id"], OPERATOR).wait(20)
    session = audited("POST", "/api/v1/sessions", json={"agent_id": "payer"}).json["session_id"]
    audited("DELETE", path)
    audited("DELETE", f"/api/v1/sessions/{session}")
    audited("DELETE", "/api/v1/data?owner=root")
    told = [(line["action"], line["object"], line["outcome"]) for line in audited.lines()]
    assert told == [
        ("run.delete", run["run_id"], "done"),
        ("session.delete", session, "done"),
        ("data.delete", "root", "done"),
    ]


def test_what_only_looks_or_runs_has_no_line(audited: Audited) -> None:
    for method, path, body in (
        ("GET", "/api/v1/keys", None),
        ("GET", "/api/v1/agents", None),
        ("OPTIONS", "/api/v1/agents/x", None),
        ("GET", "/api/v1/runs", None),
        ("POST", "/api/v1/agents/assistant/run", {"input": "Hi"}),
    ):
        audited(method, path, json=body)
    assert audited.lines() == []


def test_every_operation_that_deletes_or_changes_keys_and_agents_is_audited(audited: Audited) -> None:
    def must_be_audited(route: Route) -> bool:
        changes = route.method not in ("GET", "HEAD")
        return route.method == "DELETE" or (
            changes and bool({"admin", "agents:write", "runs:approve"} & {*route.scopes})
        )

    app = create_app(Config(environ={}, database_url="memory://", model="scripted:echo"))
    operations = app.extensions["agentos.routes"].operations
    missing = [f"{one.method} {one.path}" for one in operations if must_be_audited(one) and one.audit is None]
    app.extensions["agentos"].close()
    assert missing == []


class Notes:
    """A plugin with an operation that is audited."""

    def __init__(self, action: str) -> None:
        self.action = action

    @hookimpl
    def register_routes(self, register: Any, server: Any) -> None:
        number = {"number": PathParameter("Its number.")}
        routes = Routes("notes", "Notes.", path_parameters=number)
        found = {200: ResponseSpec("It is gone.")}

        @routes.delete("/notes/{number}", access="sessions:write", audit=self.action, responses=found)
        def delete_note(number: str) -> Any:
            """Delete a note."""
            return json_response({})

        register(routes)


def test_an_operation_of_a_plugin_is_audited_if_it_says_so(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "agentos.audit")
    config = Config(environ={}, database_url="memory://", model="scripted:echo", plugins=())
    app = create_app(config, plugins={"notes": Notes("note.delete")})
    AgentClient(app).delete("/notes/7")
    (line,) = [vars(record) for record in caplog.records if record.name == "agentos.audit"]
    assert [line[name] for name in ("action", "outcome", "object", "by")] == ["note.delete", "done", "7", "anonymous"]
    app.extensions["agentos"].close()


def test_an_action_that_is_no_two_words_is_refused() -> None:
    config = Config(environ={}, database_url="memory://", model="scripted:echo", plugins=(), plugins_strict=True)
    with pytest.raises(PluginError, match="has the audit action 'Delete it'; accepted are two words"):
        create_app(config, plugins={"notes": Notes("Delete it")})


def test_an_expired_approval_is_the_servers_own_doing(serve_audited: Callable[..., Audited]) -> None:
    audited = serve_audited(pause_timeout=1)
    run = audited("POST", "/api/v1/agents/payer/run", json={"input": "pay 7"}).json
    runs = audited.services.runs
    until(lambda: runs.expire(run["run_id"]) is None and runs.open(run["run_id"], OPERATOR).get().status.finished, 20)
    line = audited.line()
    assert [line[name] for name in ("action", "outcome", "by", "door", "object")] == [
        *("approval.expire", "done", "expiry", "server"),
        run["run_id"],
    ]


def test_data_that_the_server_deletes_by_itself_has_a_line(serve_audited: Callable[..., Audited]) -> None:
    audited = serve_audited(run_ttl=0.001)
    audited("POST", "/api/v1/agents/assistant/run", json={"input": "Hi"})
    keeper = HousekeepingService(audited.services.storage, audited.services.config, interval=0.01)
    keeper.start()
    until(audited.has_lines, 20)
    keeper.close()
    line = audited.line()
    assert (line["action"], line["by"], line["door"]) == ("data.prune", "server", "server")
    assert line["details"]["runs"] == 1


def test_an_id_that_is_a_whole_key_is_hidden(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "agentos.audit")
    log_operation("key.revoke", outcome="refused", by=None, door="http", object="aos_0123456789abcdef_" + "s" * 43)
    assert caplog.records[-1].__dict__["object"] == "aos_0123456789abcdef_***"


def test_lines_are_written_at_every_level_and_to_a_file_of_their_own(log: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "audit.log"
    seen = log(log_level="error", audit_log=str(file))
    log_operation("agent.delete", outcome="done", by="key:4f", door="http", object="x\n\x1b[2J")
    [line] = seen.records()
    assert (line["logger"], line["message"], line["object"]) == ("agentos.audit", "agent.delete done", "x\n\x1b[2J")
    assert file.read_text() == seen.getvalue()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.rename(tmp_path / "audit.log.1")
    log_operation("agent.delete", outcome="done", by="key:4f", door="http", object="y")
    assert json.loads(file.read_text())["object"] == "y"


def test_a_file_that_cannot_be_written_is_refused_at_the_start(log: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"AGENTOS_AUDIT_LOG names .* cannot be written: No such file"):
        log(audit_log=str(tmp_path / "nowhere" / "audit.log"))
