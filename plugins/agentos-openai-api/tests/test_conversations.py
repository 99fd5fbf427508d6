"""Conversations are sessions, both ways."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from agentos import ScriptedProvider
from agentos.testing import call
from parts.openai_door import SHOP, Door, MakeDoor
from parts.openai_responses import CALL, CLOCK, WEATHER

CLOCK_TOOL = {"type": "function", "name": "clock", "parameters": {"type": "object", "properties": {}}}


def test_a_conversation_is_a_session(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("One.", "Two.")
    client = door.client()
    made = client.conversations.create(metadata={"topic": "counting", "agent_id": "shop"})
    session = door.http.get(f"/api/v1/sessions/{made.id.removeprefix('conv_')}").json
    assert (session["agent_id"], session["metadata"]["topic"]) == ("shop", "counting")
    first = client.responses.create(model="shop", input="1", conversation=made.id)
    assert first.conversation is not None
    assert first.conversation.id == made.id
    client.responses.create(model="shop", input="2", conversation={"id": made.id})
    assert [message.content for message in scripted.requests[-1].messages][1:] == ["1", "One.", "2"]
    history = door.http.get(f"/api/v1/sessions/{session['session_id']}/history").json["messages"]
    assert [message["content"] for message in history] == ["1", "One.", "2", "Two."]


def test_a_session_is_a_conversation(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("One.", "Two.")
    session = door.http.session("shop", metadata={"topic": "counting"})
    door.http.run("shop", "1", session_id=session)
    client = door.client()
    found = client.conversations.retrieve(f"conv_{session}")
    assert (found.id, found.metadata) == (f"conv_{session}", {"topic": "counting"})
    made = client.responses.create(model="shop", input="2", conversation=found.id)
    assert made.output_text == "Two."
    items = list(client.conversations.items.list(found.id, order="asc"))
    assert [(item.role, item.content[0].text) for item in items] == [
        ("user", "1"),
        ("assistant", "One."),
        ("user", "2"),
        ("assistant", "Two."),
    ]


def test_items_are_read_in_pages_in_both_orders(make_door: MakeDoor, scripted: ScriptedProvider) -> None:
    scripted.say([call("clock")], "Noon.", "Bye.")
    door = make_door(CLOCK)
    session = door.http.session("shop")
    door.http.run("shop", "Time?", session_id=session)
    door.http.run("shop", "Bye", session_id=session)
    client = door.client()
    oldest = list(client.conversations.items.list(f"conv_{session}", order="asc", limit=2))
    kinds = ["message", "function_call", "function_call_output", "message", "message", "message"]
    assert [item.type for item in oldest] == kinds
    for limit in (1, 2, 3, 100):
        latest = list(client.conversations.items.list(f"conv_{session}", limit=limit))
        assert [item.id for item in latest] == [item.id for item in oldest][::-1]
    for item in oldest:
        assert client.conversations.items.retrieve(item.id, conversation_id=f"conv_{session}") == item


def test_metadata_of_a_conversation_is_replaced_and_it_is_deleted(door: Door) -> None:
    client = door.client()
    made = client.conversations.create(metadata={"a": "b"})
    assert client.conversations.update(made.id, metadata={"c": "d"}).metadata == {"c": "d"}
    assert client.conversations.delete(made.id).deleted is True
    with pytest.raises(openai.NotFoundError) as raised:
        client.conversations.retrieve(made.id)
    assert raised.value.code == "conversation_not_found"


def test_a_call_of_a_client_tool_continues_in_its_conversation(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(CALL, "Take one.")
    client = door.client()
    made = client.conversations.create()
    first = client.responses.create(model="shop", input="Umbrella?", tools=[WEATHER], conversation=made.id)
    output = {"type": "function_call_output", "call_id": first.output[0].call_id, "output": "It rains."}
    second = client.responses.create(model="shop", input=[output], tools=[WEATHER], conversation=made.id)
    assert second.output_text == "Take one."
    assert len(list(client.conversations.items.list(made.id))) == 4


@pytest.mark.parametrize("wishes", [{}, {"instructions": "Speak Spanish.", "temperature": 0.5, "tools": [CLOCK_TOOL]}])
def test_in_its_conversation_a_run_continues_as_it_began_and_says_what_it_leaves_out(
    door: Door, scripted: ScriptedProvider, wishes: dict[str, Any]
) -> None:
    scripted.say(CALL, "Take one.")
    client = door.client()
    made = client.conversations.create()
    first = client.responses.create(model="shop", input="Umbrella?", tools=[WEATHER], conversation=made.id)
    output = {"type": "function_call_output", "call_id": first.output[0].call_id, "output": "It rains."}
    second = client.responses.with_raw_response.create(
        model="shop", input=[output], conversation=made.id, **{"tools": [WEATHER], **wishes}
    )
    assert second.parse().output_text == "Take one."
    ignored = second.headers.get("X-Ignored-Fields")
    assert set(ignored.split(", ") if ignored else []) == wishes.keys()
    assert [tool.name for tool in scripted.requests[1].tools] == ["weather"]
    assert scripted.requests[1].messages[0].content == "Be short."


def test_a_new_message_ends_the_wait_for_a_client_in_its_conversation(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(CALL, "Never mind.")
    client = door.client()
    made = client.conversations.create()
    client.responses.create(model="shop", input="Umbrella?", tools=[WEATHER], conversation=made.id)
    second = client.responses.create(model="shop", input="Forget it.", conversation=made.id)
    assert second.output_text == "Never mind."


@pytest.mark.parametrize("id", ["conv_none", "none", "resp_1"])
def test_an_unknown_conversation_is_not_found(door: Door, id: str) -> None:
    client = door.client()
    with pytest.raises(openai.NotFoundError):
        client.conversations.retrieve(id)
    with pytest.raises((openai.NotFoundError, openai.BadRequestError)):
        client.responses.create(model=SHOP.id, input="Hi", conversation=id)
