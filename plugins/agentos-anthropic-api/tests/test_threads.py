"""Anthropic's threads are refused in the words that its helpers know, and errors name their causes."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import pytest

from agentos import ProviderUnavailable, ScriptedProvider
from agentos.testing import Fail, call
from parts.anthropic_door import WEATHER, Door


@pytest.mark.parametrize("thread", [{"type": "create"}, {"type": "continue", "previous_message_id": "msg_1"}, "yes"])
def test_a_thread_is_refused_by_its_code(door: Door, thread: Any) -> None:
    answer = door.ask(thread=thread)
    assert (answer.status_code, answer.get_json()["error"]["details"]) == (
        400,
        {"error_code": "thread_unsupported_request"},
    )
    assert "X-AgentOS-Session-Id" in answer.get_json()["error"]["message"]


@pytest.mark.parametrize("thread", [None, False])
def test_no_thread_is_nothing(door: Door, scripted: ScriptedProvider, thread: Any) -> None:
    scripted.say("Hello")
    assert door.ask(thread=thread).status_code == 200


def test_the_runner_goes_on_without_a_thread(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say([call("weather", '{"city": "Oslo"}')], "Take one.")

    @anthropic.beta_tool
    def weather(city: str) -> str:
        """Tell the weather."""
        return f"rain in {city}"

    messages: Any = [{"role": "user", "content": "Umbrella?"}]
    runner = door.client().beta.messages.tool_runner(model="shop", max_tokens=100, messages=messages, tools=[weather])
    assert [block.text for block in runner.until_done().content] == ["Take one."]
    assert scripted.requests[-1].messages[-1].content == "rain in Oslo"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"model": "none"}, "agent_not_found"),
        ({"model": "closed", "tools": [WEATHER]}, "invalid_request"),
    ],
)
def test_an_error_names_its_cause(door: Door, fields: dict[str, Any], code: str) -> None:
    assert door.ask(**fields).get_json()["error"]["details"] == {"error_code": code}


@pytest.mark.parametrize("streamed", [False, True])
def test_a_failed_run_names_its_cause(door: Door, scripted: ScriptedProvider, streamed: bool) -> None:
    scripted.say([Fail(ProviderUnavailable("away"))])
    answer = door.ask(stream=streamed)
    text = answer.get_data(as_text=True)
    body = json.loads(text.rpartition("data: ")[2]) if streamed else answer.get_json()
    assert (body["error"]["type"], body["error"]["details"]) == (
        "overloaded_error",
        {"error_code": "provider_unavailable"},
    )
