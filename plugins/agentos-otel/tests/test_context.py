"""The context of a trace on its way: to model providers, and by HTTP tools."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from agentos_http.tools import HttpTools
from agentos_otel.plugin import OTelPlugin

from agentos import Agent, OutboundClient, OutboundPolicy, ScriptedProvider, TraceContext
from agentos.testing import AgentClient, call
from parts.model_server import ModelServer
from parts.otlp_collector import Collector
from parts.site import Site

Traced = Callable[..., OTelPlugin]

RUN = "/api/v1/agents/shop/run"
TRACE = "0af7651916cd43dd8448eb211c80319c"
HEADERS = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01", "tracestate": "vendor=1"}


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


def sent(headers: dict[str, str]) -> TraceContext:
    lower = {name.lower(): value for name, value in headers.items()}
    found = TraceContext.parse(lower.get("traceparent"), lower.get("tracestate"))
    assert found is not None
    return found


def test_a_provider_gets_the_span_of_each_try(
    agentos_app: Any, agentos_client: AgentClient, model: ModelServer, collector: Collector, traced: Traced
) -> None:
    agentos_app(
        [Agent(id="shop", model="openai:fault-503-x1")],
        plugins={"otel": traced()},
        installed=["openai"],
        real_models=True,
        openai_base_url=model.url,
        openai_api_key="key",
    )
    agentos_client.post(RUN, json={"input": "Hi"}, headers=HEADERS)
    collector.wait_for("invoke_agent shop")
    asked = [sent(headers) for headers in model.headers]
    chats = collector.named("chat fault-503-x1")
    assert [chat.failed for chat in chats] == [True, False]
    assert [chat.span_id for chat in chats] == [one.span_id for one in asked]
    assert {one.trace_id for one in asked} == {TRACE}
    assert {(one.state, one.sampled) for one in asked} == {("vendor=1", True)}


def test_a_tool_sends_its_own_span_and_nothing_of_other_systems(
    agentos_app: Any,
    agentos_client: AgentClient,
    scripted: ScriptedProvider,
    site: Site,
    collector: Collector,
    traced: Traced,
) -> None:
    scripted.say([call("http_get", json.dumps({"url": f"{site.url}/hello"}), id="c1")], "Done")
    tools = HttpTools(OutboundClient(policy=OutboundPolicy(allow_private=True, ports=None)))
    agent = Agent(id="shop", model="test:scripted", tools=["http_get"])
    agentos_app([agent], tools=[tools], plugins={"otel": traced()})
    agentos_client.post(RUN, json={"input": "Hi"}, headers=HEADERS)
    collector.wait_for("invoke_agent shop")
    (request,) = site.requests
    assert sent(request["headers"]).span_id == collector.one("execute_tool http_get").span_id
    assert sent(request["headers"]).state == ""


def test_a_trace_that_is_not_recorded_says_so_to_others(
    agentos_app: Any,
    agentos_client: AgentClient,
    scripted: ScriptedProvider,
    site: Site,
    traced: Traced,
) -> None:
    scripted.say([call("http_get", json.dumps({"url": f"{site.url}/hello"}))], "Done")
    tools = HttpTools(OutboundClient(policy=OutboundPolicy(allow_private=True, ports=None)))
    agent = Agent(id="shop", model="test:scripted", tools=["http_get"])
    agentos_app([agent], tools=[tools], plugins={"otel": traced(OTEL_TRACES_SAMPLER="always_off")})
    agentos_client.post(RUN, json={"input": "Hi"}, headers=HEADERS)
    (request,) = site.requests
    assert (sent(request["headers"]).trace_id, sent(request["headers"]).sampled) == (TRACE, False)
