"""Two tenants at one door: another tenant's sessions, runs and conversations behave like missing ones."""

from __future__ import annotations

from typing import Any

import pytest

from agentos import Principal, ScriptedProvider
from agentos.testing import KnownCallers, call
from parts.anthropic_door import CLOSED, SHOP, VERSION, WEATHER, Door, MakeDoor

SCOPES = ["agents:run", "sessions:read", "sessions:write", "runs:read"]
CALLERS = KnownCallers(
    {
        "alice": Principal(id="alice", owner="alice", scopes=SCOPES),
        "bob": Principal(id="bob", owner="bob", scopes=SCOPES),
        "clerk": Principal(id="clerk", owner="bob", scopes=["agents:run:shop"]),
        "reader": Principal(id="reader", owner="bob", scopes=["runs:read"]),
    }
)
USER = {"role": "user", "content": "Hi"}


@pytest.fixture
def door(make_door: MakeDoor) -> Door:
    environ = {"AGENTOS_ANTHROPIC_USER_ID_SESSIONS": "1"}
    return make_door(SHOP, CLOSED, plugins={"callers": CALLERS}, auth=("known",), environ=environ)


def as_(name: str, **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {name}", **VERSION, **headers}


def called(door: Door, scripted: ScriptedProvider) -> list[dict[str, Any]]:
    """Return Alice's conversation with the result of a call, for which her run waits."""
    scripted.say([call("weather", '{"city": "Oslo"}')], "For Bob.")
    content = door.ask([USER], tools=[WEATHER], headers=as_("alice")).json["content"]
    result = {"type": "tool_result", "tool_use_id": content[0]["id"], "content": "Rain."}
    return [USER, {"role": "assistant", "content": content}, {"role": "user", "content": [result]}]


def test_a_result_continues_no_run_of_another_tenant(door: Door, scripted: ScriptedProvider) -> None:
    answer = door.ask(called(door, scripted), tools=[WEATHER], headers=as_("bob"))
    assert answer.json["content"][0]["text"] == "For Bob."
    (run,) = door.http.get("/api/v1/runs", headers=as_("alice")).json["runs"]
    assert run["status"] == "paused"
    (own,) = door.http.get("/api/v1/runs", headers=as_("bob")).json["runs"]
    assert answer.headers["X-Run-ID"] == own["run_id"] != run["run_id"]


def test_a_new_message_ends_no_pause_of_another_tenant(door: Door, scripted: ScriptedProvider) -> None:
    door.ask([*called(door, scripted), USER], headers=as_("bob"))
    (run,) = door.http.get("/api/v1/runs", headers=as_("alice")).json["runs"]
    assert run["status"] == "paused"


def test_a_session_of_another_tenant_is_a_missing_one(door: Door) -> None:
    made = door.http.post("/api/v1/sessions", json={"agent_id": "shop"}, headers=as_("alice"))
    hers = made.json["session_id"]
    answers = [door.ask([USER], headers=as_("bob", **{"X-AgentOS-Session-Id": session})) for session in (hers, "none")]
    assert [one.status_code for one in answers] == [404, 404]
    said = [one.json["error"]["message"].replace(hers, "none") for one in answers]
    assert said[0] == said[1]


def test_the_same_id_of_a_conversation_is_another_session_for_another_tenant(
    door: Door, scripted: ScriptedProvider
) -> None:
    scripted.say("Hello.", "Hello.")
    sessions = [
        door.ask([USER], metadata={"user_id": "u"}, headers=as_(name)).headers["X-AgentOS-Session-Id"]
        for name in ("alice", "bob")
    ]
    assert len(set(sessions)) == 2


def test_a_caller_sees_the_models_that_it_may_run(door: Door) -> None:
    listed = door.http.get("/v1/models", headers=as_("clerk")).json["data"]
    assert [model["id"] for model in listed] == ["shop"]
    hidden, missing = (door.http.get(f"/v1/models/{model}", headers=as_("clerk")) for model in ("closed", "none"))
    assert (hidden.status_code, missing.status_code) == (404, 404)
    assert hidden.json["error"]["message"] == missing.json["error"]["message"].replace("none", "closed")


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
@pytest.mark.parametrize("model", ["closed", "none"])
def test_an_agent_that_the_caller_may_not_run_is_forbidden_whether_it_exists_or_not(
    door: Door, model: str, path: str
) -> None:
    body = {"model": model, "max_tokens": 9, "messages": [USER]}
    answer = door.http.post(path, json=body, headers=as_("clerk"))
    assert (answer.status_code, answer.json["error"]["type"]) == (403, "permission_error")


def test_a_caller_that_may_run_nothing_is_forbidden(door: Door) -> None:
    assert door.ask([USER], headers=as_("reader")).status_code == 403
    assert door.http.get("/v1/models", headers=as_("reader")).status_code == 403
