"""Conversations are the server's sessions."""

from __future__ import annotations

from typing import Any

import openai
import pytest


def test_a_conversation_is_made_changed_and_deleted(client: openai.OpenAI) -> None:
    made = client.conversations.create(metadata={"topic": "one"})
    assert (made.object, made.metadata) == ("conversation", {"topic": "one"})
    assert client.conversations.retrieve(made.id) == made
    assert client.conversations.update(made.id, metadata={"topic": "two"}).metadata == {"topic": "two"}
    assert client.conversations.delete(made.id).deleted is True
    with pytest.raises(openai.NotFoundError):
        client.conversations.retrieve(made.id)


def test_responses_of_a_conversation_know_what_was_said(client: openai.OpenAI) -> None:
    made = client.conversations.create()
    first = client.responses.create(model="helper", input="one", conversation=made.id)
    assert first.conversation is not None
    assert first.conversation.id == made.id
    with client.responses.stream(model="helper", input="two", conversation=made.id) as stream:
        assert stream.get_final_response().output_text == "2 before: two"
    for limit in (1, 3, 100):
        items = list(client.conversations.items.list(made.id, order="asc", limit=limit))
        said = ["one", "0 before: one", "two", "2 before: two"]
        assert [item.content[0].text for item in items] == said
    assert [item.id for item in client.conversations.items.list(made.id)] == [item.id for item in items][::-1]
    for item in items:
        assert client.conversations.items.retrieve(item.id, conversation_id=made.id) == item


def test_calls_of_tools_are_items(client: openai.OpenAI) -> None:
    made = client.conversations.create()
    client.responses.create(model="clerk", input="call clock {}", conversation=made.id)
    items = client.conversations.items.list(made.id, order="asc")
    assert [item.type for item in items] == ["message", "function_call", "function_call_output", "message"]


def test_conversations_work_in_a_loop(in_loop) -> None:
    async def talk(client: openai.AsyncOpenAI) -> list[str]:
        made = await client.conversations.create()
        for text in ("one", "two"):
            await client.responses.create(model="helper", input=text, conversation=made.id)
        found = [item async for item in client.conversations.items.list(made.id, order="asc")]
        await client.conversations.delete(made.id)
        return [item.content[0].text for item in found]

    assert in_loop(talk) == ["one", "0 before: one", "two", "2 before: two"]


def test_a_session_of_the_servers_own_api_is_a_conversation(client: openai.OpenAI, server) -> None:
    session = server.post("/sessions", {"agent_id": "helper", "metadata": {"topic": "one"}})["session_id"]
    assert client.conversations.retrieve(f"conv_{session}").metadata == {"topic": "one"}
    made = client.conversations.create()
    assert server.get(f"/sessions/{made.id.removeprefix('conv_')}")["run_count"] == 0


def _message(role: str, text: str) -> Any:
    return {"type": "message", "role": role, "content": text}


def test_items_are_added_and_the_model_is_given_them(client: openai.OpenAI) -> None:
    made = client.conversations.create(items=[_message("user", "one"), _message("assistant", "two")])
    added = client.conversations.items.create(made.id, items=[_message("user", "three"), _message("assistant", "four")])
    assert [item.content[0].text for item in added.data] == ["three", "four"]
    assert client.responses.create(model="helper", input="five", conversation=made.id).output_text == "4 before: five"
    items = list(client.conversations.items.list(made.id, order="asc"))
    assert [item.content[0].text for item in items] == ["one", "two", "three", "four", "five", "4 before: five"]
    assert [item.id for item in items[2:4]] == [item.id for item in added.data]


def test_added_items_are_removed(client: openai.OpenAI) -> None:
    made = client.conversations.create(items=[_message("user", "one"), _message("assistant", "two")])
    added = client.conversations.items.create(made.id, items=[_message("user", "three")])
    left = client.conversations.items.delete(added.data[0].id, conversation_id=made.id)
    assert left.id == made.id
    items = client.conversations.items.list(made.id, order="asc")
    assert [item.content[0].text for item in items] == ["one", "two"]
    with pytest.raises(openai.NotFoundError):
        client.conversations.items.delete(added.data[0].id, conversation_id=made.id)


def test_what_a_response_said_is_not_removed_by_itself(client: openai.OpenAI) -> None:
    made = client.conversations.create()
    client.responses.create(model="helper", input="one", conversation=made.id)
    for item in client.conversations.items.list(made.id):
        with pytest.raises(openai.BadRequestError):
            client.conversations.items.delete(item.id, conversation_id=made.id)


def test_calls_with_their_outputs_are_added(client: openai.OpenAI) -> None:
    call = {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "call_1", "output": "rain"}
    made = client.conversations.create(items=[_message("user", "one")])
    added = client.conversations.items.create(made.id, items=[call, output, _message("assistant", "It rains.")])
    assert [item.type for item in added.data] == ["function_call", "function_call_output", "message"]
    assert client.responses.create(model="helper", input="two", conversation=made.id).output_text == "4 before: two"


def test_items_are_added_in_a_loop(in_loop) -> None:
    async def add(client: openai.AsyncOpenAI) -> list[str]:
        made = await client.conversations.create(items=[_message("user", "one")])
        added = await client.conversations.items.create(made.id, items=[_message("user", "two")])
        await client.conversations.items.delete(added.data[0].id, conversation_id=made.id)
        return [item.content[0].text async for item in client.conversations.items.list(made.id)]

    assert in_loop(add) == ["one"]
