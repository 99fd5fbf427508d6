"""The metrics of the conventions for generative AI."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agentos_otel import run_metrics
from agentos_otel.plugin import OTelPlugin

from agentos import Agent, ProviderError, ScriptedProvider, Usage, tool
from agentos.testing import AgentClient, Fail, call
from parts.otlp_collector import Collector

Traced = Callable[..., OTelPlugin]

RUN = "/api/v1/agents/shop/run"


@tool
def price(item: str) -> str:
    """Say what an item costs."""
    return f"{item}: 3"


def test_tokens_and_durations_are_recorded(
    agentos_app: Any, agentos_client: AgentClient, scripted: ScriptedProvider, collector: Collector, traced: Traced
) -> None:
    usage = Usage(prompt_tokens=10, completion_tokens=5)
    scripted.say([call("price", '{"item": "tea"}'), usage], ["It is 3", usage], [Fail(ProviderError("no"))])
    plugin = traced(OTEL_TRACES_EXPORTER="none")
    agentos_app([Agent(id="shop", model="test:scripted", tools=["price"])], tools=[price], plugins={"otel": plugin})
    for _ in range(2):
        agentos_client.post(RUN, json={"input": "Hi"})
    plugin.close()
    assert collector.spans == []
    tokens = {
        attributes["gen_ai.token.type"]: point for attributes, point in collector.metrics["gen_ai.client.token.usage"]
    }
    assert {kind: (point.count, point.sum) for kind, point in tokens.items()} == {"input": (2, 20), "output": (2, 10)}
    calls = {
        one.get("error.type"): (one, point) for one, point in collector.metrics["gen_ai.client.operation.duration"]
    }
    assert {error: point.count for error, (_, point) in calls.items()} == {None: 2, "PROVIDER_ERROR": 1}
    assert calls[None][0] == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "test",
        "gen_ai.request.model": "scripted",
    }
    ((tool_call, point),) = collector.metrics["gen_ai.execute_tool.duration"]
    assert (tool_call["gen_ai.tool.name"], point.count) == ("price", 1)
    runs = {one.get("error.type"): point.count for one, point in collector.metrics["gen_ai.invoke_agent.duration"]}
    assert runs == {None: 1, "PROVIDER_ERROR": 1}
    ((_, first),) = collector.metrics["gen_ai.client.operation.time_to_first_chunk"]
    assert first.count == 2
    assert list(first.explicit_bounds) == list(run_metrics.FIRST_CHUNK)


def test_what_clients_can_name_has_a_bound(
    agentos_app: Any, agentos_client: AgentClient, scripted: ScriptedProvider, collector: Collector, traced: Traced
) -> None:
    scripted.say("Hello")
    plugin = traced()
    agentos_app(plugins={"otel": plugin}, in_place_of=["scripted"])
    for number in range(run_metrics.MOST_VALUES + 3):
        agent = {"id": f"a{number}", "name": "x", "model": "scripted:echo"}
        assert agentos_client.post("/api/v1/agents", json=agent).status_code == 201
        assert agentos_client.post(f"/api/v1/agents/a{number}/run", json={"input": "Hi"}).status_code == 200
    plugin.close()
    agents = {one["gen_ai.agent.name"]: point.count for one, point in collector.metrics["gen_ai.invoke_agent.duration"]}
    assert (len(agents), agents["other"]) == (run_metrics.MOST_VALUES + 1, 3)
