"""Conversations are the server's sessions."""

from __future__ import annotations

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
