"""The spans of requests and runs, as a collector gets them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from agentos_otel.plugin import OTelPlugin
from flask import Flask

from agentos import Agent, ProviderUnavailable, RunRequest, ScriptedProvider, Usage, tool
from agentos.testing import AgentClient, Fail, Pause, call
from parts.otlp_collector import Collector

RUN = "/api/v1/agents/shop/run"
POST_RUN = "POST /api/v1/agents/{agent_id}/run"
SERVER, CLIENT, INTERNAL = 2, 3, 1
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
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


def paused_run(client: AgentClient, scripted: ScriptedProvider, **headers: str) -> str:
    """Let a run pause for an approval; return its id."""
    scripted.say([call("buy", '{"item": "tea"}', id="c3")], "Done.")
    paused = client.post(RUN, json={"input": "Buy tea"}, headers=headers).json
    assert paused["status"] == "paused"
    return str(paused["run_id"])


def test_a_paused_run_that_is_cancelled_ends_in_its_trace(
    shop: Any, agentos_client: AgentClient, scripted: ScriptedProvider, collector: Collector, traced: Traced
) -> None:
    shop(traced())
    run_id = paused_run(agentos_client, scripted, traceparent=PARENT)
    agentos_client.post(f"/api/v1/runs/{run_id}/cancel")
    collector.wait_for("invoke_agent shop", "pause", POST_RUN)
    run = collector.one("invoke_agent shop")
    assert (run.trace_id, run.parent_id) == (TRACE, collector.one(POST_RUN).span_id)
    assert (run.failed, run.attributes["agentos.run.status"]) == (False, "cancelled")
    assert collector.one("pause").parent_id == run.span_id


def test_the_caller_decides_where_the_trace_begins(
    shop: Any, agentos_client: AgentClient, scripted: ScriptedProvider, collector: Collector, traced: Traced
) -> None:
    scripted.say("Hello")
    shop(traced())
    headers = {"traceparent": PARENT, "tracestate": "vendor=1"}
    agentos_client.post(RUN, json={"input": "Hi"}, headers=headers)
    collector.wait_for("invoke_agent shop", POST_RUN)
    request = collector.one(POST_RUN)
    assert (request.trace_id, request.parent_id, request.state) == (TRACE, "b7ad6b7169203331", "vendor=1")
    assert collector.one("invoke_agent shop").parent_id == request.span_id


def test_a_malformed_traceparent_is_ignored(
    shop: Any, agentos_client: AgentClient, scripted: ScriptedProvider, collector: Collector, traced: Traced
) -> None:
    scripted.say("Hello")
    shop(traced())
    answer = agentos_client.post(
        RUN, json={"input": "Hi"}, headers={"traceparent": "00-nonsense", "tracestate": "\xff"}
    )
    assert answer.status_code == 200
    collector.wait_for(POST_RUN)
    assert collector.one(POST_RUN).parent_id == ""


@pytest.mark.parametrize(
    ("variables", "flags", "kept"),
    [
        ({}, "00", False),
        ({"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}, "01", True),
        ({"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}, None, False),
        ({"OTEL_TRACES_SAMPLER": "always_on"}, "00", True),
    ],
)
def test_what_is_kept_is_sampled_by_the_standard_variables(
    shop: Any,
    agentos_client: AgentClient,
    scripted: ScriptedProvider,
    collector: Collector,
    traced: Traced,
    variables: dict[str, str],
    flags: str | None,
    kept: bool,
) -> None:
    scripted.say("Hello")
    plugin = traced(**variables)
    shop(plugin)
    headers = {} if flags is None else {"traceparent": f"{PARENT[:-2]}{flags}"}
    agentos_client.post(RUN, json={"input": "Hi"}, headers=headers)
    plugin.close()
    assert {"chat scripted", "invoke_agent shop", POST_RUN} == {span.name for span in collector.spans} or not kept
    assert bool(collector.spans) is kept


def test_health_checks_make_no_spans(
    shop: Any, agentos_client: AgentClient, collector: Collector, traced: Traced
) -> None:
    plugin = traced()
    shop(plugin)
    for path in ("/health", "/ready", "/nowhere"):
        agentos_client.get(path)
    plugin.close()
    assert [span.name for span in collector.spans] == ["GET"]


def test_the_resource_says_which_server_it_is(
    shop: Any, agentos_client: AgentClient, collector: Collector, traced: Traced
) -> None:
    shop(traced(OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test,service.version=7"))
    agentos_client.get("/nowhere")
    collector.wait_for("GET")
    resource = collector.resource
    assert (resource["service.name"], resource["service.version"]) == ("agentos", "7")
    assert resource["deployment.environment.name"] == "test"
    assert len(resource["service.instance.id"]) == 36


def test_contents_are_left_out_unless_they_are_asked_for(
    shop: Any, agentos_client: AgentClient, scripted: ScriptedProvider, collector: Collector, traced: Traced
) -> None:
    scripted.say([call("price", '{"item": "SECRETWORD"}')], "SECRETWORD costs 3")
    shop(traced())
    agentos_client.post(RUN, json={"input": "What does SECRETWORD cost?"})
    collector.wait_for("invoke_agent shop", POST_RUN)
    assert "SECRETWORD" not in repr(collector.spans)


def test_contents_that_are_asked_for_have_no_secrets_and_are_bounded(
    shop: Any, agentos_client: AgentClient, scripted: ScriptedProvider, collector: Collector, traced: Traced
) -> None:
    scripted.say([call("price", '{"item": "sk-abcdefgh12345678"}')], "x" * 100_000)
    shop(traced(OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="true"))
    agentos_client.post(RUN, json={"input": "My key is sk-abcdefgh12345678, what does tea cost?"})
    collector.wait_for("invoke_agent shop", "execute_tool price")
    run, tool_call = collector.one("invoke_agent shop"), collector.one("execute_tool price")
    (asked,) = json.loads(run.attributes["gen_ai.input.messages"])
    assert asked["parts"][0]["content"].endswith(", what does tea cost?")
    assert tool_call.attributes["gen_ai.tool.call.result"].endswith(": 3")
    assert "sk-***" in tool_call.attributes["gen_ai.tool.call.arguments"]
    assert "abcdefgh12345678" not in repr(collector.spans)
    assert json.loads(run.attributes["gen_ai.output.messages"])[0]["finish_reason"] == "stop"
    assert max(len(str(value)) for span in collector.spans for value in span.attributes.values()) <= 8192


def test_calls_with_the_same_id_are_spans_of_their_own(
    shop: Any, agentos_client: AgentClient, scripted: ScriptedProvider, collector: Collector, traced: Traced
) -> None:
    again = [call("price", '{"item": "tea"}', id="c1")]
    scripted.say(again, again, "Done")
    shop(traced())
    agentos_client.post(RUN, json={"input": "Hi"})
    collector.wait_for("invoke_agent shop")
    assert len({span.span_id for span in collector.named("execute_tool price")}) == 2


def test_the_span_of_a_stream_ends_with_the_stream(
    shop: Any, agentos_client: AgentClient, scripted: ScriptedProvider, collector: Collector, traced: Traced
) -> None:
    scripted.say(["Hello", Pause(0.05), " you"])
    shop(traced())
    answer = agentos_client.post(f"{RUN}/stream", json={"input": "Hi"})
    assert b"complete" in answer.data
    answer.close()
    collector.wait_for("invoke_agent shop", f"{POST_RUN}/stream")
    request = collector.one(f"{POST_RUN}/stream")
    assert collector.one("invoke_agent shop").parent_id == request.span_id
    assert request.end - request.begin >= 50_000_000


def test_a_run_that_a_tool_starts_is_in_the_span_of_the_tool(
    agentos_app: Any, agentos_client: AgentClient, scripted: ScriptedProvider, collector: Collector, traced: Traced
) -> None:
    apps: list[Flask] = []

    @tool
    def ask(question: str) -> str:
        """Ask another agent."""
        server = apps[0].extensions["agentos"].server
        asked = RunRequest(caller=server.principal("team"), agent_id="helper", input=question)
        server.runs.start(asked).wait(30)
        return "asked"

    scripted.say([call("ask", '{"question": "why?"}')], "Because", "Done")
    agents = [Agent(id="shop", model="test:scripted", tools=["ask"]), Agent(id="helper", model="test:scripted")]
    apps.append(agentos_app(agents, tools=[ask], plugins={"otel": traced()}))
    assert agentos_client.post(RUN, json={"input": "Hi"}).json["content"] == "Done"
    collector.wait_for("invoke_agent shop", "invoke_agent helper")
    child, tool_call = collector.one("invoke_agent helper"), collector.one("execute_tool ask")
    assert (child.parent_id, child.trace_id) == (tool_call.span_id, tool_call.trace_id)
