"""What ``previous_response_id`` continues: while a run's log is kept, and with what is kept without it."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from agentos import ProviderError, ScriptedProvider
from agentos.testing import PIXEL, Fail, Pause, call
from parts.openai_door import Door, MakeDoor
from parts.openai_responses import CALL, CLOCK, WEATHER, without_logs

LOGGED = pytest.mark.parametrize("logged", [True, False])

BOTH = [*CALL, call("clock", id="call_2", index=1)]
"""A call of the client's tool, and one of the server's."""


def said(scripted: ScriptedProvider) -> list[tuple[str, str, list[str]]]:
    """Return what the model was shown last, without the instructions: roles, texts, and the tools that were called."""
    return [
        (message.role, message.content, [call.name for call in message.tool_calls])
        for message in scripted.requests[-1].messages
        if message.role != "system"
    ]


def output(response: Any, text: str = "It rains.") -> dict[str, Any]:
    """Return the output of a response's last call."""
    return {"type": "function_call_output", "call_id": response.output[-1].call_id, "output": text}


def test_a_chain_has_what_was_said_before_with_the_calls_of_tools(
    make_door: MakeDoor, scripted: ScriptedProvider
) -> None:
    scripted.say([call("clock")], "Noon.", "Lunch.", "Dinner.", "Sure.")
    client = make_door(CLOCK).client()
    first = client.responses.create(model="shop", input="What time is it?")
    second = client.responses.create(model="shop", input="What next?", previous_response_id=first.id)
    assert (second.output_text, second.previous_response_id) == ("Lunch.", first.id)
    said = [(message.role, message.content) for message in scripted.requests[-1].messages]
    whole = [("user", "What time is it?"), ("assistant", ""), ("tool", "noon"), ("assistant", "Noon.")]
    assert said == [*whole, ("user", "What next?")]
    branch = client.responses.create(model="shop", input="And then?", previous_response_id=first.id)
    assert branch.output_text == "Dinner."
    said = [(message.role, message.content) for message in scripted.requests[-1].messages]
    assert said == [*whole, ("user", "And then?")]
    third = client.responses.create(model="shop", input="Sure?", previous_response_id=second.id)
    assert third.previous_response_id == second.id
    said = [(message.role, message.content) for message in scripted.requests[-1].messages]
    assert said == [*whole, ("user", "What next?"), ("assistant", "Lunch."), ("user", "Sure?")]


def test_a_chain_makes_no_session(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("Hello!")
    client = door.client()
    first = client.responses.create(model="shop", input="Hi")
    client.responses.create(model="shop", input="Hi again", previous_response_id=first.id)
    assert door.http.get("/api/v1/sessions").json["count"] == 0


def test_a_chain_may_begin_in_a_session(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("One.", "Two.", "Three.")
    session = door.http.session("shop")
    door.http.run("shop", "1", session_id=session)
    run = door.http.run("shop", "2", session_id=session).json
    client = door.client()
    client.responses.create(model="shop", input="3", previous_response_id=f"resp_{run['run_id']}")
    said = [(message.role, message.content) for message in scripted.requests[-1].messages][1:]
    texts = [("user", "1"), ("assistant", "One."), ("user", "2"), ("assistant", "Two."), ("user", "3")]
    assert said == texts
    assert door.http.get(f"/api/v1/sessions/{session}/history").json["messages"][-1]["content"] == "Two."


@LOGGED
def test_a_chain_of_a_session_keeps_the_calls_of_all_tools(
    make_door: MakeDoor, scripted: ScriptedProvider, logged: bool
) -> None:
    scripted.say([call("clock")], "Noon.", "Lunch.")
    door = make_door(CLOCK)
    client = door.client()
    conversation = client.conversations.create()
    first = client.responses.create(model="shop", input="What time is it?", conversation=conversation.id)
    if not logged:
        without_logs(door)
    client.responses.create(model="shop", input="What next?", previous_response_id=first.id)
    assert said(scripted) == [
        ("user", "What time is it?", []),
        ("assistant", "", ["clock"]),
        ("tool", "noon", []),
        ("assistant", "Noon.", []),
        ("user", "What next?", []),
    ]


@LOGGED
def test_a_chain_without_a_session_keeps_the_calls_of_the_clients_tools(
    make_door: MakeDoor, scripted: ScriptedProvider, logged: bool
) -> None:
    scripted.say(CALL, [call("clock")], "Take one.", "Yes.")
    door = make_door(CLOCK)
    client = door.client()
    first = client.responses.create(model="shop", input="Umbrella?", tools=[WEATHER])
    second = client.responses.create(
        model="shop", input=[output(first)], tools=[WEATHER], previous_response_id=first.id
    )
    if not logged:
        without_logs(door)
    client.responses.create(model="shop", input="Sure?", previous_response_id=second.id)
    of_server = [("assistant", "", ["clock"]), ("tool", "noon", [])] if logged else []
    assert said(scripted) == [
        ("user", "Umbrella?", []),
        ("assistant", "", ["weather"]),
        ("tool", "It rains.", []),
        *of_server,
        ("assistant", "Take one.", []),
        ("user", "Sure?", []),
    ]


@LOGGED
@pytest.mark.parametrize("in_session", [False, True])
def test_a_chain_continues_from_a_call_with_another_output(
    make_door: MakeDoor, scripted: ScriptedProvider, logged: bool, in_session: bool
) -> None:
    scripted.say(["Let me see.", *BOTH], "Take one.", "Leave it.")
    door = make_door(CLOCK)
    client = door.client()
    where: dict[str, Any] = {"conversation": client.conversations.create().id} if in_session else {}
    first = client.responses.create(model="shop", input="Umbrella?", tools=[WEATHER], **where)
    client.responses.create(model="shop", input=[output(first)], tools=[WEATHER], previous_response_id=first.id)
    if not logged:
        without_logs(door)
    other = client.responses.create(
        model="shop", input=[output(first, "The sun shines.")], tools=[WEATHER], previous_response_id=first.id
    )
    assert (other.output_text, other.id.startswith(first.id)) == ("Leave it.", False)
    before = [("assistant", "Let me see.", ["clock"]), ("tool", "noon", [])] if logged or in_session else []
    assert said(scripted) == [
        ("user", "Umbrella?", []),
        *before,
        ("assistant", "", ["weather"]),
        ("tool", "The sun shines.", []),
    ]


@LOGGED
def test_a_chain_of_a_run_that_was_cancelled_in_a_session_has_what_it_said(
    door: Door, scripted: ScriptedProvider, logged: bool
) -> None:
    scripted.say(["Hel", Pause(30)], "Well?")
    client = door.client()
    made = client.responses.create(
        model="shop", input="Hi", conversation=client.conversations.create().id, background=True, stream=True
    )
    for event in made:
        if event.type == "response.created":
            id = event.response.id
        if event.type == "response.output_text.delta":
            client.responses.cancel(id)
    if not logged:
        without_logs(door)
    client.responses.create(model="shop", input="And?", previous_response_id=id)
    assert said(scripted) == [("user", "Hi", []), ("assistant", "Hel", []), ("user", "And?", [])]


@LOGGED
def test_a_chain_of_a_run_that_failed_has_what_it_said(door: Door, scripted: ScriptedProvider, logged: bool) -> None:
    scripted.say(["Hel", Fail(ProviderError("it broke"))], "Well?")
    client = door.client()
    with pytest.raises(openai.InternalServerError) as raised:
        client.responses.create(model="shop", input="Hi", conversation=client.conversations.create().id)
    if not logged:
        without_logs(door)
    id = f"resp_{raised.value.response.headers['X-Run-ID']}"
    client.responses.create(model="shop", input="And?", previous_response_id=id)
    assert said(scripted) == [("user", "Hi", []), ("assistant", "Hel", []), ("user", "And?", [])]


def test_an_image_of_a_session_is_part_of_the_chain(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("A dot.", "Red.", "Sure.")
    client = door.client()
    conversation = client.conversations.create().id
    picture = {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL.data}", "detail": "auto"}
    client.responses.create(model="shop", input=[{"role": "user", "content": [picture]}], conversation=conversation)
    second = client.responses.create(model="shop", input="Its colour?", conversation=conversation)
    client.responses.create(model="shop", input="Sure?", previous_response_id=second.id)
    media = [one.data for message in scripted.requests[-1].messages for one in message.media]
    assert media == [PIXEL.data]


@pytest.mark.parametrize("in_session", [False, True])
def test_the_parts_of_a_run_outlive_its_log(door: Door, scripted: ScriptedProvider, in_session: bool) -> None:
    scripted.say(CALL, "Take one.")
    client = door.client()
    where: dict[str, Any] = {"conversation": client.conversations.create().id} if in_session else {}
    first = client.responses.create(model="shop", input="Umbrella?", tools=[WEATHER], **where)
    second = client.responses.create(
        model="shop", input=[output(first)], tools=[WEATHER], previous_response_id=first.id
    )
    without_logs(door)
    call_after, text_after = client.responses.retrieve(first.id), client.responses.retrieve(second.id)
    assert (call_after.status, call_after.output) == (first.status, first.output)
    assert (text_after.status, text_after.output_text) == (second.status, "Take one.")
    assert (call_after.usage, text_after.usage) == (None, None)


@LOGGED
def test_a_chain_of_a_response_that_is_not_stored_is_not_found(
    door: Door, scripted: ScriptedProvider, logged: bool
) -> None:
    scripted.say("Hello!")
    client = door.client()
    made = client.responses.create(model="shop", input="Hi", store=False)
    if not logged:
        without_logs(door)
    with pytest.raises(openai.NotFoundError) as raised:
        client.responses.create(model="shop", input="And?", previous_response_id=made.id)
    assert raised.value.code == "previous_response_not_found"
