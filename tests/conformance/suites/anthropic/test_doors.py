"""One run, every door; and nothing of another tenant."""

from __future__ import annotations

import json
import uuid
from typing import Any

import anthropic
import pytest
from asking import ask, text_of


def test_a_message_is_a_run_of_the_servers_own_api(client: anthropic.Anthropic, server) -> None:
    message = ask(client)
    run = server.run(message.id)
    assert (run["status"], run["content"]) == ("completed", text_of(message))
    data = [json.loads(line[6:]) for line in server.events(run["run_id"]).splitlines() if line.startswith("data: ")]
    said = "".join(event["data"]["token"] for event in data if event["type"] == "token")
    assert said == text_of(message)


def test_a_message_is_in_the_history_of_its_session(client: anthropic.Anthropic, server) -> None:
    session = server.post("/sessions", {"agent_id": "helper"})["session_id"]
    server.post("/agents/helper/run", {"input": "one", "session_id": session})
    assert text_of(ask(client, "two", extra_headers={"X-AgentOS-Session-Id": session})) == "2 before: two"
    history = server.get(f"/sessions/{session}/history")["messages"]
    assert [message["content"] for message in history] == ["one", "0 before: one", "two", "2 before: two"]


def test_the_clients_id_of_a_conversation_names_a_session(client: anthropic.Anthropic, server) -> None:
    """The server of this suite takes `metadata.user_id` for one."""
    named: Any = {"metadata": {"user_id": uuid.uuid4().hex}}
    first = ask(client, "one", **named)
    messages: list[Any] = [
        {"role": "user", "content": "one"},
        first.to_param(),
        {"role": "user", "content": "two"},
    ]
    raw = client.messages.with_raw_response.create(model="helper", max_tokens=100, messages=messages, **named)
    session = raw.headers["X-AgentOS-Session-Id"]
    history = server.get(f"/sessions/{session}/history")["messages"]
    assert [message["content"] for message in history] == ["one", "0 before: one", "two", "2 before: two"]


def test_a_session_of_another_tenant_is_not_found(other_client: anthropic.Anthropic, server) -> None:
    session = server.post("/sessions", {"agent_id": "helper"})["session_id"]
    with pytest.raises(anthropic.NotFoundError):
        ask(other_client, extra_headers={"X-AgentOS-Session-Id": session})


def test_a_result_for_another_tenants_call_continues_nothing(
    client: anthropic.Anthropic, other_client: anthropic.Anthropic, server
) -> None:
    tool: Any = {"name": "weather", "input_schema": {"type": "object"}}
    first = ask(client, "call weather {}", tools=[tool])
    result = {"type": "tool_result", "tool_use_id": first.content[0].id, "content": "forged"}
    messages: list[Any] = [
        {"role": "user", "content": "call weather {}"},
        first.to_param(),
        {"role": "user", "content": [result]},
    ]
    other = other_client.messages.create(model="helper", max_tokens=100, messages=messages, tools=[tool])
    assert server.run(first.id)["pending"]
    assert other.id[:36] != first.id[:36]  # all but the number of the answer
    assert server.run(first.id)["status"] == "paused"


def test_the_same_idempotency_key_of_another_tenant_is_another_request(
    client: anthropic.Anthropic, other_client: anthropic.Anthropic
) -> None:
    headers = {"Idempotency-Key": "both"}
    mine, theirs = ask(client, "mine", extra_headers=headers), ask(other_client, "theirs", extra_headers=headers)
    assert (text_of(mine), text_of(theirs)) == ("0 before: mine", "0 before: theirs")
