"""Sessions behind chat completions: named ones, and those that a client's own id of a chat stands for."""

from __future__ import annotations

from typing import Any

import pytest

from agentos import ScriptedProvider, tool
from agentos.testing import Pause, call
from parts.openai_door import SHOP, Door, MakeDoor

CHAT = {"X-OpenWebUI-Chat-Id": "chat-1"}

TITLE = "### Task:\nGenerate a concise, 3-5 word title.\n### Chat History:\nUSER: Hi\nASSISTANT: Hello."
TAGS = "### Task:\nGenerate 1-3 broad tags.\n### Chat History:\nUSER: Hi\nASSISTANT: Hello."


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def seen(scripted: ScriptedProvider) -> list[str]:
    """Return what the model was shown last, without the instructions."""
    return [one.content for one in scripted.requests[-1].messages if one.role != "system"]


def history(door: Door, session: str) -> list[str]:
    messages = door.http.get(f"/api/v1/sessions/{session}/history").json["messages"]
    return [one["content"] for one in messages]


@pytest.mark.parametrize("way", ["header", "metadata"])
def test_in_a_named_session_only_the_newest_message_counts(door: Door, scripted: ScriptedProvider, way: str) -> None:
    scripted.say("Hello.", "At nine.")
    session = door.http.session("shop")
    named: dict[str, Any] = (
        {"headers": {"X-AgentOS-Session-Id": session}} if way == "header" else {"metadata": {"session_id": session}}
    )
    first = door.chat("Hi", **named)
    assert first.headers["X-AgentOS-Session-Id"] == session
    door.chat([user("Something"), assistant("else"), user("When?")], **named)
    assert seen(scripted) == ["Hi", "Hello.", "When?"]
    assert history(door, session) == ["Hi", "Hello.", "When?", "At nine."]


def test_an_unknown_session_is_not_found(door: Door) -> None:
    answer = door.chat(headers={"X-AgentOS-Session-Id": "none"})
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "session_not_found")


def test_two_sessions_at_once_are_refused(door: Door) -> None:
    answer = door.chat(headers={"X-AgentOS-Session-Id": "one"}, metadata={"session_id": "two"})
    assert answer.status_code == 400


def test_a_chat_of_open_webui_is_a_session(door: Door, scripted: ScriptedProvider) -> None:
    assert [one["id"] for one in door.http.get("/v1/models").json["data"]][-1] == "shop"
    scripted.say("Hello.", "A greeting", '{"tags": []}', "At nine.")
    first = door.chat("Hi", headers=CHAT, stream=True)
    session = first.headers["X-AgentOS-Session-Id"]
    assert "Hello." in first.text
    for task in (TITLE, TAGS):
        answer = door.chat(task, headers=CHAT)
        assert "X-AgentOS-Session-Id" not in answer.headers
        assert seen(scripted) == [task]
    again = door.chat([user("Hi"), assistant("Hello. \n"), user("When?")], headers=CHAT, stream=True)
    assert again.headers["X-AgentOS-Session-Id"] == session
    again.get_data()
    assert history(door, session) == ["Hi", "Hello.", "When?", "At nine."]


def test_an_edited_history_is_answered_and_leaves_the_session_alone(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("Hello.", "At nine.", "At ten.")
    session = door.chat("Hi", headers=CHAT).headers["X-AgentOS-Session-Id"]
    door.chat([user("Hi"), assistant("Hello."), user("When?")], headers=CHAT)
    edited = door.chat([user("Hi"), assistant("Hello."), user("When on Sundays?")], headers=CHAT)
    assert "X-AgentOS-Session-Id" not in edited.headers
    assert edited.json["choices"][0]["message"]["content"] == "At ten."
    assert seen(scripted) == ["Hi", "Hello.", "When on Sundays?"]
    assert history(door, session) == ["Hi", "Hello.", "When?", "At nine."]


def test_a_client_that_leaves_out_old_messages_stays_in_its_session(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("1", "2", "3")
    session = door.chat("a", headers=CHAT).headers["X-AgentOS-Session-Id"]
    door.chat([user("a"), assistant("1"), user("b")], headers=CHAT)
    third = door.chat([user("b"), assistant("2"), user("c")], headers=CHAT)
    assert third.headers["X-AgentOS-Session-Id"] == session
    assert seen(scripted) == ["a", "1", "b", "2", "c"]


def test_an_answer_with_tools_is_one_message_of_the_client(make_door: MakeDoor, scripted: ScriptedProvider) -> None:
    @tool
    def hours() -> str:
        """Read the hours."""
        return "9 to 5"

    door = make_door(type(SHOP)(id="shop", model="test:m", tools=[hours]))
    scripted.say(["Let me look.", call("hours")], "At nine.", "Bye.")
    first = door.chat("When?", headers=CHAT)
    text = first.json["choices"][0]["message"]["content"]
    second = door.chat([user("When?"), assistant(text), user("Thanks")], headers=CHAT)
    assert second.headers["X-AgentOS-Session-Id"] == first.headers["X-AgentOS-Session-Id"]


def test_a_chat_that_began_elsewhere_makes_no_session(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("At nine.")
    door.chat([user("Hi"), assistant("Hello."), user("When?")], headers=CHAT)
    assert door.http.get("/api/v1/sessions").json["sessions"] == []


def test_each_agent_of_a_chat_has_its_own_session(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("Hello.", "Hey.")
    sessions = {
        door.chat("Hi", model=model, headers=CHAT).headers["X-AgentOS-Session-Id"] for model in ("shop", "closed")
    }
    assert len(sessions) == 2


def test_the_headers_of_other_clients_are_a_setting(make_door: MakeDoor, scripted: ScriptedProvider) -> None:
    door = make_door(environ={"AGENTOS_OPENAI_CHAT_ID_HEADERS": "X-OpenWebUI-Chat-Id, X-LibreChat-Conversation"})
    scripted.say("Hello.")
    assert "X-AgentOS-Session-Id" in door.chat("Hi", headers={"X-LibreChat-Conversation": "c"}).headers


def test_a_request_beside_the_first_message_is_no_turn(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(["Hel", Pause(0.3), "lo."], "A greeting", "At nine.")
    first = door.chat("Hi", headers=CHAT, stream=True)
    assert "X-AgentOS-Session-Id" not in door.chat(TITLE, headers=CHAT).headers
    session = first.headers["X-AgentOS-Session-Id"]
    assert "lo." in first.text
    assert history(door, session) == ["Hi", "Hello."]
