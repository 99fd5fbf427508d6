"""Sessions behind messages: named ones, and those that `metadata.user_id` stands for."""

from __future__ import annotations

from typing import Any

import pytest

from agentos import ScriptedProvider
from agentos.testing import call
from parts.anthropic_door import WEATHER, Door, MakeDoor

NAMED = {"AGENTOS_ANTHROPIC_USER_ID_SESSIONS": "1"}
CHAT = {"metadata": {"user_id": '{"device_id": "d", "session_id": "s"}'}}
SESSION = "X-AgentOS-Session-Id"


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": [{"type": "text", "text": text}]}


def seen(scripted: ScriptedProvider) -> list[str]:
    """Return what the model was shown last, without the instructions."""
    return [one.content for one in scripted.requests[-1].messages if one.role != "system"]


def history(door: Door, session: str) -> list[str]:
    messages = door.http.get(f"/api/v1/sessions/{session}/history").json["messages"]
    return [one["content"] for one in messages]


@pytest.mark.parametrize("streamed", [False, True])
def test_in_a_named_session_only_the_newest_message_counts(
    door: Door, scripted: ScriptedProvider, streamed: bool
) -> None:
    scripted.say("Hello.", "At nine.")
    session = door.http.session("shop")
    headers = {SESSION: session}
    first = door.ask("Hi", headers=headers, stream=streamed)
    assert first.headers[SESSION] == session
    first.get_data()
    door.ask([user("Something"), assistant("else"), user("When?")], headers=headers)
    assert seen(scripted) == ["Hi", "Hello.", "When?"]
    assert history(door, session) == ["Hi", "Hello.", "When?", "At nine."]


def test_an_unknown_session_is_not_found(door: Door) -> None:
    answer = door.ask(headers={SESSION: "none"})
    assert (answer.status_code, answer.json["error"]["type"]) == (404, "not_found_error")


def test_a_user_is_no_conversation_unless_that_is_configured(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("Hello.")
    answer = door.ask("Hi", **CHAT)
    assert SESSION not in answer.headers
    run = door.http.get(f"/api/v1/runs/{answer.headers['X-Run-ID']}").json
    assert run["user_id"] == CHAT["metadata"]["user_id"]


def test_a_users_id_that_names_a_conversation_is_a_session(make_door: MakeDoor, scripted: ScriptedProvider) -> None:
    door = make_door(environ=NAMED)
    scripted.say("Hello.", "A title", "At nine.", "At ten.")
    session = door.ask("Hi", **CHAT).headers[SESSION]
    beside = door.ask("Find a title.", **CHAT)  # clients send such requests under the same id
    assert SESSION not in beside.headers
    again = door.ask([user("Hi"), assistant("Hello."), user("When?")], **CHAT)
    assert again.headers[SESSION] == session
    assert history(door, session) == ["Hi", "Hello.", "When?", "At nine."]
    other = door.ask("Hi", metadata={"user_id": "another"})
    assert other.headers[SESSION] != session


def test_an_edited_history_is_answered_and_leaves_the_session_alone(
    make_door: MakeDoor, scripted: ScriptedProvider
) -> None:
    door = make_door(environ=NAMED)
    scripted.say("Hello.", "At nine.", "At ten.")
    session = door.ask("Hi", **CHAT).headers[SESSION]
    door.ask([user("Hi"), assistant("Hello."), user("When?")], **CHAT)
    edited = door.ask([user("Hi"), assistant("Hello."), user("When on Sundays?")], **CHAT)
    assert SESSION not in edited.headers
    assert seen(scripted) == ["Hi", "Hello.", "When on Sundays?"]
    assert history(door, session) == ["Hi", "Hello.", "When?", "At nine."]


def test_a_conversation_with_tools_stays_one_session(make_door: MakeDoor, scripted: ScriptedProvider) -> None:
    door = make_door(environ=NAMED)
    scripted.say([call("weather", '{"city": "Oslo"}')], "Take one.", "Bye.")
    common: dict[str, Any] = {**CHAT, "tools": [WEATHER]}
    first = door.ask("Rain?", **common)
    called = first.json["content"]
    result = {"type": "tool_result", "tool_use_id": called[0]["id"], "content": "Yes."}
    messages = [user("Rain?"), {"role": "assistant", "content": called}, {"role": "user", "content": [result]}]
    second = door.ask(messages, **common)
    third = door.ask([*messages, assistant("Take one."), user("Thanks")], **common)
    assert len({one.headers[SESSION] for one in (first, second, third)}) == 1
    assert history(door, first.headers[SESSION])[-1] == "Bye."


def test_a_repeat_with_the_same_key_is_one_run(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("Once.", "Never said.")
    answers = [door.ask(headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert answers[0].json == answers[1].json
    assert answers[1].headers["Idempotency-Replayed"] == "true"
    other = door.ask("Another", headers={"Idempotency-Key": "k"})
    assert (other.status_code, other.json["error"]["type"]) == (422, "invalid_request_error")


def test_a_repeat_of_a_stream_is_the_same_stream(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(["On", "ce."], "Never said.")
    answers = [door.ask(headers={"Idempotency-Key": "k"}, stream=True) for _ in range(2)]
    assert answers[0].get_data() == answers[1].get_data()
    assert len(scripted.requests) == 1


def test_a_key_in_another_session_is_another_request(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("Once.", "Never said.")
    places = [door.http.post("/api/v1/sessions", json={"agent_id": "shop"}).json["session_id"] for _ in range(2)]
    answers = [door.ask(headers={"Idempotency-Key": "k", SESSION: place}) for place in places]
    assert [one.status_code for one in answers] == [200, 422]
