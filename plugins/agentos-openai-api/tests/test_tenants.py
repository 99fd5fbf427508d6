"""Two tenants at one door: another tenant's sessions, runs and chats behave like missing ones."""

from __future__ import annotations

from typing import Any

import pytest

from agentos import Principal, ScriptedProvider
from agentos.testing import KnownCallers, call
from parts.openai_door import CLOSED, SHOP, WEATHER, Door, MakeDoor

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
    return make_door(SHOP, CLOSED, plugins={"callers": CALLERS}, auth=("known",))


def as_(name: str, **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {name}", **headers}


def test_a_result_continues_no_run_of_another_tenant(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say([call("weather", '{"city": "Oslo"}')], "For Bob.")
    message = door.chat([USER], tools=[WEATHER], headers=as_("alice")).json["choices"][0]["message"]
    kept = {"role": "assistant", "content": None, "tool_calls": message["tool_calls"]}
    result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "Rain."}
    answer = door.chat([USER, kept, result], tools=[WEATHER], headers=as_("bob"))
    assert answer.json["choices"][0]["message"]["content"] == "For Bob."
    (run,) = door.http.get("/api/v1/runs", headers=as_("alice")).json["runs"]
    assert run["status"] == "paused"
    (own,) = door.http.get("/api/v1/runs", headers=as_("bob")).json["runs"]
    assert answer.headers["X-Run-ID"] == own["run_id"] != run["run_id"]


def test_a_new_message_ends_no_pause_of_another_tenant(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say([call("weather", '{"city": "Oslo"}')], "For Bob.")
    message = door.chat([USER], tools=[WEATHER], headers=as_("alice")).json["choices"][0]["message"]
    kept = {"role": "assistant", "content": None, "tool_calls": message["tool_calls"]}
    result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "Rain."}
    door.chat([USER, kept, result, USER], headers=as_("bob"))
    (run,) = door.http.get("/api/v1/runs", headers=as_("alice")).json["runs"]
    assert run["status"] == "paused"


@pytest.mark.parametrize("way", ["header", "metadata"])
def test_a_session_of_another_tenant_is_a_missing_one(door: Door, way: str) -> None:
    made = door.http.post("/api/v1/sessions", json={"agent_id": "shop"}, headers=as_("alice"))
    answers = []
    for session in (made.json["session_id"], "none"):
        named: dict[str, Any] = {"headers": as_("bob")}
        if way == "header":
            named["headers"]["X-AgentOS-Session-Id"] = session
        else:
            named["metadata"] = {"session_id": session}
        answers.append(door.chat([USER], **named))
    assert [one.status_code for one in answers] == [404, 404]
    assert answers[0].json["error"]["code"] == answers[1].json["error"]["code"] == "session_not_found"


def test_the_same_id_of_a_chat_is_another_session_for_another_tenant(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("Hello.")
    chat = {"X-OpenWebUI-Chat-Id": "chat-1"}
    sessions = [
        door.chat([USER], headers=as_(name, **chat)).headers["X-AgentOS-Session-Id"] for name in ("alice", "bob")
    ]
    assert len(set(sessions)) == 2


def test_a_caller_sees_the_models_that_it_may_run(door: Door) -> None:
    listed = door.http.get("/v1/models", headers=as_("clerk")).json["data"]
    assert [model["id"] for model in listed] == ["shop"]
    hidden = door.http.get("/v1/models/closed", headers=as_("clerk"))
    assert (hidden.status_code, hidden.json["error"]["code"]) == (404, "model_not_found")


@pytest.mark.parametrize("model", ["closed", "none"])
def test_an_agent_that_the_caller_may_not_run_is_forbidden_whether_it_exists_or_not(door: Door, model: str) -> None:
    answer = door.chat([USER], model=model, headers=as_("clerk"))
    assert (answer.status_code, answer.json["error"]["type"]) == (403, "permission_error")


def test_a_caller_that_may_run_nothing_is_forbidden(door: Door) -> None:
    assert door.chat([USER], headers=as_("reader")).status_code == 403
    assert door.http.get("/v1/models", headers=as_("reader")).status_code == 403


def test_a_key_for_one_agent_uses_nothing_that_another_agent_said(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("The code is 42.", "Hello.", "Of the same agent.", "Of the same agent.")

    def ask(name: str, **body: Any) -> Any:
        return door.http.post("/v1/responses", json={"input": "Hi", "model": "shop", **body}, headers=as_(name))

    other = ask("bob", model="closed").json
    assert ask("clerk", previous_response_id=other["id"]).status_code == 404
    reference = {"type": "item_reference", "id": other["output"][0]["id"]}
    assert ask("clerk", input=[reference, USER]).status_code == 400
    own = ask("bob").json
    assert ask("clerk", previous_response_id=own["id"]).status_code == 200
    assert ask("clerk", input=[{"type": "item_reference", "id": own["output"][0]["id"]}, USER]).status_code == 200
