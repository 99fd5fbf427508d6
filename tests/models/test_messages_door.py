"""Our client of the Messages API at our own door of it: an agent can be the model of another server's agent."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.serving import make_server

from agentos.domain.agent import Agent
from agentos.domain.message import Message, ToolCall
from agentos.domain.tool_spec import ToolSpec
from agentos.models.anthropic_messages import AnthropicMessages
from agentos.models.deltas import Finish, each
from agentos.models.request import ModelRequest
from agentos.models.scripted import call
from agentos.testing import serve_agents
from parts.deltas import calls_of, text_of

LOOK = ToolSpec("look", "Look outside.", {"type": "object", "properties": {"place": {"type": "string"}}})
OSLO = '{"place":"Oslo"}'


@pytest.fixture
def client() -> Iterator[AnthropicMessages]:
    agent = Agent(id="shop", model="openai:m", allow_overrides=["client_tools", "max_tokens"])
    with serve_agents([agent], turns=[[call("look", OSLO)], "Rain."], installed=["anthropic-api"]) as served:
        server = make_server("127.0.0.1", 0, served.app, threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        client = AnthropicMessages(f"http://127.0.0.1:{server.server_port}", {"x-api-key": "k"}, token_timeout=20)
        try:
            yield client
        finally:
            client.close()
            server.shutdown()
            thread.join()
            server.server_close()


def ask(*messages: Message, **fields: Any) -> ModelRequest:
    return ModelRequest(model="shop", messages=messages, deadline=time.monotonic() + 20, **fields)


def test_a_call_of_an_agent_behind_our_door_is_answered_there(client: AnthropicMessages) -> None:
    question = Message("user", "What is the weather?")
    deltas = list(each(client.stream(ask(question, tools=[LOOK]))))
    ((id, name, arguments),) = calls_of(deltas)
    assert (name, arguments, deltas[-1]) == ("look", OSLO, Finish("tool_calls"))
    said = Message("assistant", tool_calls=(ToolCall(id or "", "look", OSLO),))
    again = list(each(client.stream(ask(question, said, Message("tool", "rain", tool_call_id=id), tools=[LOOK]))))
    assert (text_of(again), again[-1]) == ("Rain.", Finish("stop"))
