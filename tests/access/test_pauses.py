"""Who may answer what a paused run waits for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from access.conftest import AGENTS, Caller, Tenants, tenants_of
from agentos.domain.ids import new_id
from agentos.services.keys import CLIENT_SCOPES

AGENTS_THAT_WAIT = {"approval": "waits-approval", "input": "waits-input", "client_tool": "waits-client_tool"}
GIVEN: dict[str, dict[str, Any]] = {
    "approval": {"decision": "approve"},
    "input": {"output": "yes"},
    "client_tool": {"output": "done"},
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Tenants]:
    with tenants_of(tmp_path) as made:
        yield made


def paused(owner: Caller, kind: str) -> tuple[str, str]:
    """Start a run that waits for an answer of a kind; return its id and that of its action."""
    fields = {"overrides": {"client_tools": [{"name": "look"}]}} if kind == "client_tool" else {}
    run = owner.run(AGENTS_THAT_WAIT[kind], **fields)
    return run["run_id"], run["pending"][0]["id"]


def answer(who: Caller, run_id: str, action: str, kind: str) -> tuple[int, str]:
    body = {"answers": [{"id": action, **GIVEN[kind]}]}
    said = who.request("POST", f"/api/v1/runs/{run_id}/resume", body)
    return said.status_code, said.json.get("code", "")


KINDS = list(GIVEN)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scopes", [["runs:approve", "agents:run"], ["runs:approve"], ["agents:run:echo"]])
@pytest.mark.parametrize("named", ["its action", "another action"])
def test_what_another_tenants_run_waits_for_is_as_if_it_were_missing(
    server: Tenants, kind: str, scopes: list[str], named: str
) -> None:
    run_id, action = paused(server.alice, kind)
    bob = server.caller("bob", scopes)
    other, body = new_id(), {"answers": [{"id": action if named == "its action" else new_id(), **GIVEN[kind]}]}
    said, missing = (bob.request("POST", f"/api/v1/runs/{one}/resume", body).json for one in (run_id, other))
    assert said["code"] == missing["code"] == "RUN_NOT_FOUND"
    assert said["message"].replace(run_id, "ID") == missing["message"].replace(other, "ID")
    assert server.bob.request("GET", "/api/v1/approvals").json["count"] == 0
    assert server.bob.request("GET", f"/api/v1/approvals?run_id={run_id}").json["count"] == 0
    assert server.alice.request("GET", f"/api/v1/runs/{run_id}").json["status"] == "paused"


@pytest.mark.parametrize("kind", KINDS)
def test_an_administrator_sees_and_answers_for_all(server: Tenants, kind: str) -> None:
    run_id, action = paused(server.alice, kind)
    listed = server.ada.request("GET", "/api/v1/approvals").json["approvals"]
    assert [(one["id"], one["owner"]) for one in listed] == [(action, "alice")]
    assert answer(server.ada, run_id, action, kind)[0] == 202
    server.until_ended(server.alice, run_id)


@pytest.mark.parametrize(
    ("kind", "scopes", "status"),
    [
        ("approval", ["runs:approve"], 202),
        ("approval", ["agents:run"], 403),
        ("approval", list(CLIENT_SCOPES), 403),
        ("input", ["agents:run"], 202),
        ("input", ["agents:run:waits-input"], 202),
        ("input", ["agents:run:echo"], 403),
        ("input", ["runs:approve"], 403),
        ("client_tool", ["agents:run"], 202),
        ("client_tool", ["agents:run:waits-client_tool"], 202),
        ("client_tool", ["runs:approve"], 403),
        ("client_tool", ["runs:read", "runs:cancel", "sessions:write"], 403),
    ],
)
def test_each_kind_of_answer_needs_its_scope(server: Tenants, kind: str, scopes: list[str], status: int) -> None:
    run_id, action = paused(server.alice, kind)
    code = "FORBIDDEN" if status == 403 else ""
    assert answer(server.caller("alice", scopes), run_id, action, kind) == (status, code)
    now = server.alice.request("GET", f"/api/v1/runs/{run_id}").json["status"]
    assert (now == "paused") is (status == 403)


def test_a_client_key_may_not_approve(server: Tenants) -> None:
    assert "runs:approve" not in CLIENT_SCOPES


def test_the_agents_that_wait_are_there(server: Tenants) -> None:
    assert set(AGENTS_THAT_WAIT.values()) <= set(AGENTS)
