"""Two keys of two tenants see nothing of each other."""

from __future__ import annotations

from typing import Any

import openai
import pytest


def test_a_response_of_another_tenant_is_not_found(client: openai.OpenAI, other_client: openai.OpenAI) -> None:
    made = client.responses.create(model="helper", input="Hi")
    responses = other_client.responses
    for ask in (responses.retrieve, responses.cancel, responses.delete, responses.input_items.list):
        with pytest.raises(openai.NotFoundError):
            ask(made.id)
    with pytest.raises(openai.NotFoundError):
        responses.retrieve(made.id, stream=True)
    with pytest.raises(openai.NotFoundError):
        responses.create(model="helper", input="Hi", previous_response_id=made.id)
    assert client.responses.retrieve(made.id) == made


def test_a_conversation_of_another_tenant_is_not_found(client: openai.OpenAI, other_client: openai.OpenAI) -> None:
    made = client.conversations.create()
    client.responses.create(model="helper", input="Hi", conversation=made.id)
    (item, _) = client.conversations.items.list(made.id, order="asc")
    asks: list[Any] = [
        lambda: other_client.conversations.retrieve(made.id),
        lambda: other_client.conversations.update(made.id, metadata={"a": "b"}),
        lambda: other_client.conversations.delete(made.id),
        lambda: other_client.conversations.items.list(made.id),
        lambda: other_client.conversations.items.retrieve(item.id, conversation_id=made.id),
        lambda: other_client.responses.create(model="helper", input="Hi", conversation=made.id),
    ]
    for ask in asks:
        with pytest.raises(openai.NotFoundError):
            ask()
    assert client.conversations.retrieve(made.id) == made


def test_a_session_of_another_tenant_is_not_found(client: openai.OpenAI, other_client: openai.OpenAI, server) -> None:
    session = server.post("/sessions", {"agent_id": "helper"})["session_id"]
    with pytest.raises(openai.NotFoundError):
        other_client.chat.completions.create(
            model="helper",
            messages=[{"role": "user", "content": "Hi"}],
            extra_headers={"X-AgentOS-Session-Id": session},
        )


def test_a_result_for_another_tenants_call_continues_nothing(
    client: openai.OpenAI, other_client: openai.OpenAI, server
) -> None:
    tool: Any = {"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": False}
    first = client.responses.create(model="helper", input="call weather {}", tools=[tool])
    call = first.output[0]
    output: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "forged"}
    other = other_client.responses.create(model="helper", input=[call.to_dict(), output], tools=[tool])
    assert not other.id.startswith(first.id)
    assert server.run(first.id)["status"] == "paused"


def test_the_same_idempotency_key_of_another_tenant_is_another_request(
    client: openai.OpenAI, other_client: openai.OpenAI
) -> None:
    headers = {"Idempotency-Key": "both"}
    mine, theirs = (
        one.responses.create(model="helper", input=text, extra_headers=headers)
        for one, text in ((client, "mine"), (other_client, "theirs"))
    )
    assert (mine.output_text, theirs.output_text) == ("0 before: mine", "0 before: theirs")
