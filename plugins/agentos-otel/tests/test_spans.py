"""The spans of requests and runs, as a collector gets them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from agentos_otel.plugin import OTelPlugin
from parts.otlp_collector import Collector
from flask import Flask

from agentos import Agent, ProviderUnavailable, ScriptedProvider, ToolContext, Usage, tool
from agentos.testing import AgentClient, Fail, call

RUN = "/api/v1/agents/shop/run"
POST_RUN = "POST /api/v1/agents/{agent_id}/run"
SERVER, CLIENT, INTERNAL = 2, 3, 1
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
Traced = Callable[..., OTelPlugin]
BUSY = ProviderUnavailable("busy")


@tool
def price(item: str) -> str:
    """Say what an item costs."""
    return f"{item}: 3"


@tool
def broken(item: str) -> str:
    """Fail."""
    raise RuntimeError(f"no {item}")


@tool(approval=True)
def buy(item: str) -> str:
    """Buy an item."""
    return f"bought {item}"


@pytest.fixture
def shop(agentos_app: Any) -> Any:
    def make(plugin: object, **settings: Any) -> Flask:
        agent = Agent(id="shop", model="test:scripted", tools=["price", "broken", "buy"], max_turns=5)
        app: Flask = agentos_app([agent], tools=[price, broken, buy], plugins={"otel": plugin}, **settings)
        return app

    return make


def test_a_run_is_a_tree_of_its_calls_tries_and_pauses(
    shop: Any, agentos_client: AgentClient, scripted: ScriptedProvider, collector: Collector, traced: Traced
) -> None:
    scripted.say(
        [Fail(BUSY)],
        [
            call("price", '{"item": "tea"}', id="c1", index=0),
            call("broken", '{"item": "cup"}', id="c2", index=1),
            Usage(prompt_tokens=10, completion_tokens=5),
        ],
        [call("buy", '{"item": "tea"}', id="c3")],
        [Fail(ProviderUnavailable("gone", details={"retryable": False}))],
    )
    shop(traced())
    paused = agentos_client.post(RUN, json={"input": "Buy tea"}).json
    run_id, pending = paused["run_id"], paused["pending"]
    answers = [{"id": one["id"], "decision": "approve"} for one in pending]
    agentos_client.post(f"/api/v1/runs/{run_id}/resume", json={"answers": answers})
    collector.wait_for("invoke_agent shop", POST_RUN)
    run = collector.one("invoke_agent shop")
    request = collector.one(POST_RUN)
    assert (request.kind, request.parent_id) == (SERVER, "")
    assert request.attributes["http.response.status_code"] == 202
    assert (run.kind, run.failed, run.parent_id, run.trace_id) == (INTERNAL, True, request.span_id, request.trace_id)
    assert run.attributes["gen_ai.operation.name"] == "invoke_agent"
    assert run.attributes["agentos.run.id"] == run_id
    assert run.attributes["error.type"] == "PROVIDER_UNAVAILABLE"
    inside = [span for span in collector.spans if span.parent_id == run.span_id]
    assert sorted((span.name, span.failed) for span in inside) == [
        ("chat scripted", False),
        ("chat scripted", False),
        ("chat scripted", True),
        ("chat scripted", True),
        ("execute_tool broken", True),
        ("execute_tool buy", False),
        ("execute_tool price", False),
        ("pause", False),
    ]
    assert len({span.span_id for span in collector.spans}) == len(collector.spans)
    for span in inside:
        assert span.trace_id == run.trace_id
        assert run.begin <= span.begin <= span.end <= run.end + 1_000_000, span.name
    chats = collector.named("chat scripted")
    assert [chat.attributes["agentos.model_call.attempt"] for chat in chats] == [1, 2, 1, 1]
    assert all(chat.kind == CLIENT for chat in chats)
    assert chats[1].attributes["gen_ai.usage.input_tokens"] == 10
    assert chats[1].attributes["gen_ai.usage.output_tokens"] == 5
    assert chats[1].attributes["gen_ai.response.finish_reasons"] == ["tool_calls"]
    assert chats[0].attributes["error.type"] == "PROVIDER_UNAVAILABLE"
    pause = collector.one("pause")
    assert pause.attributes["agentos.pause.kinds"] == ["approval"]
    assert pause.attributes["agentos.pause.decisions"] == ["approve"]
    assert collector.one("execute_tool price").attributes["gen_ai.tool.call.id"] == "c1"
