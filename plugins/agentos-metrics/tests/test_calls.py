"""What is counted of calls to models and tools, and of tokens: as much as the runs themselves say."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from agentos_metrics import MOST_MODELS, MetricsPlugin
from agentos_metrics.labels import OTHER
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families as parse_text

from agentos import Agent, ProviderUnavailable, Run, RunContext, RunStatus, RunStep, Step, ToolCallEvent, Usage
from agentos.testing import AgentClient, Fail, call

Make = Callable[..., Flask]


def values(client: AgentClient, name: str) -> dict[tuple[str, ...], float]:
    """Return the values of one metric by the values of its labels, in the order of the labels' names."""
    families = parse_text(client.get("/metrics").text)
    found = [sample for family in families for sample in family.samples if sample.name == name]
    return {tuple(value for _, value in sorted(sample.labels.items())): sample.value for sample in found}


def add(one: int, other: int) -> int:
    """Add two numbers."""
    if one < 0:
        raise ValueError("only what is positive")
    return one + other


def ask(client: AgentClient, agent: str = "a") -> dict[str, Any]:
    answer = client.post(f"/api/v1/agents/{agent}/run", json={"input": "Hi"})
    assert answer.status_code == 200, answer.text
    return dict(client.get(f"/api/v1/runs/{answer.json['run_id']}").json)


def test_calls_and_tokens_are_those_of_the_runs(
    agentos_app: Make, agentos_client: AgentClient, scripted: Any, metrics: MetricsPlugin
) -> None:
    agentos_app(
        [Agent(id="a", model="test:one", tools=(add,)), Agent(id="b", model="test:two")],
        plugins={"metrics": metrics},
    )
    scripted.say(
        [
            call("add", '{"one": 1, "other": 2}', id="x"),
            call("add", '{"one": -1, "other": 2}', id="y", index=1),
            call("sub", "{}", id="z", index=2),
        ],
        "3",
    )
    runs = [ask(agentos_client)]
    scripted.say([Fail(ProviderUnavailable("away"))], "Hello")
    runs.append(ask(agentos_client, "b"))
    assert values(agentos_client, "agentos_tool_calls_total") == {
        ("completed", "add"): 1,
        ("failed", "add"): 1,
        ("failed", "sub"): 1,
    }
    assert values(agentos_client, "agentos_tool_call_duration_seconds_count") == {("add",): 2, ("sub",): 1}
    assert values(agentos_client, "agentos_model_calls_total") == {
        ("", "test:one", "completed"): 2,
        ("", "test:two", "completed"): 1,
        ("PROVIDER_UNAVAILABLE", "test:two", "failed"): 1,
    }
    assert values(agentos_client, "agentos_model_retries_total") == {("test:two",): 1}
    tokens = values(agentos_client, "agentos_tokens_total")
    for kind in ("prompt", "completion"):
        expected = {model: run["usage"][f"{kind}_tokens"] for model, run in zip(("one", "two"), runs, strict=True)}
        assert {model: tokens[kind, f"test:{model}"] for model in ("one", "two")} == expected
    assert values(agentos_client, "agentos_model_time_to_first_token_seconds_count")[("test:two",)] == 1
    assert values(agentos_client, "agentos_run_time_to_first_token_seconds_count") == {("a",): 1, ("b",): 1}


def test_an_agent_that_is_not_ours_counts_with_what_it_says(
    agentos_app: Make, agentos_client: AgentClient, metrics: MetricsPlugin
) -> None:
    class Foreign:
        def stream(self, context: RunContext) -> Any:
            yield "Hi"
            yield Usage(prompt_tokens=7, completion_tokens=3)

    agentos_app({"foreign": Foreign()}, plugins={"metrics": metrics})
    ask(agentos_client, "foreign")
    assert values(agentos_client, "agentos_tokens_total") == {("completion", "none"): 3, ("prompt", "none"): 7}
    assert values(agentos_client, "agentos_model_calls_total") == {}


@pytest.mark.parametrize("said", [Usage(10, 4, 0), Usage(10**6, 10**6, 10**6, 5), Usage()])
def test_steps_that_say_less_or_more_than_the_run_change_no_sum(
    agentos_app: Make, agentos_client: AgentClient, metrics: MetricsPlugin, said: Usage
) -> None:
    agentos_app({}, plugins={"metrics": metrics})
    metrics.run_finished(_run(usage=Usage(20, 8, 2), steps=[said, None], model="p:last"))
    tokens = values(agentos_client, "agentos_tokens_total")
    assert sum(number for (kind, _), number in tokens.items() if kind == "prompt") == 20
    assert sum(number for (kind, _), number in tokens.items() if kind == "completion") == 8


def test_speed_is_that_after_the_first_piece(
    agentos_app: Make, agentos_client: AgentClient, metrics: MetricsPlugin
) -> None:
    agentos_app({}, plugins={"metrics": metrics})
    metrics.call_finished(
        Step(model="p:m", duration=3.0, time_to_first_token=1.0, usage=Usage(1, 80), finish_reason="stop")
    )
    metrics.call_finished(Step(model="p:m", duration=1.0, time_to_first_token=1.0, usage=Usage(1, 80)))
    assert values(agentos_client, "agentos_model_tokens_per_second_sum") == {("p:m",): 40.0}
    assert values(agentos_client, "agentos_model_tokens_per_second_count") == {("p:m",): 1}


def test_models_and_tools_have_labels_up_to_a_bound_and_tools_of_code_always(
    agentos_app: Make, agentos_client: AgentClient, metrics: MetricsPlugin
) -> None:
    agentos_app({}, tools=[add], plugins={"metrics": metrics})
    for number in range(1000):
        metrics.call_finished(Step(model=f"p:{number}", duration=0.1))
        metrics.call_finished(ToolCallEvent("1", f"tool-{number}", {}, "failed", duration=0.1))
        metrics.run_finished(_run(agent_id=f"agent-{number}", usage=Usage(1, 1)))
    metrics.call_finished(ToolCallEvent("1", "add", {}, "completed", duration=0.1))
    calls = values(agentos_client, "agentos_model_calls_total")
    assert len(calls) == MOST_MODELS + 1
    assert calls["", OTHER, "completed"] == 1000 - MOST_MODELS
    tools = values(agentos_client, "agentos_tool_calls_total")
    assert len(tools) == 200 + 1 + 1
    assert tools["completed", "add"] == 1
    runs = values(agentos_client, "agentos_runs_total")
    assert len(runs) == 100 + 1
    assert sum(runs.values()) == 1000


def test_a_thousand_agents_make_no_scrape_slow(
    agentos_app: Make, agentos_client: AgentClient, metrics: MetricsPlugin
) -> None:
    agentos_app({}, plugins={"metrics": metrics}, plugin_settings={"metrics_max_agents": 400})
    for number in range(1000):
        metrics.run_finished(_run(agent_id=f"agent-{number}"))
    begun = time.process_time()
    assert len(values(agentos_client, "agentos_runs_total")) == 401
    assert time.process_time() - begun < 10


def _run(
    *,
    agent_id: str = "a",
    usage: Usage | None = None,
    steps: list[Usage | None] | None = None,
    model: str | None = None,
) -> Run:
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    made = [
        RunStep(number=number, type="model_call", status="completed", started_at=now, model=f"p:{number}", usage=one)
        for number, one in enumerate(steps or [], 1)
    ]
    return Run(
        id="1",
        agent_id=agent_id,
        status=RunStatus.COMPLETED,
        created_at=now,
        usage=usage or Usage(),
        steps=tuple(made),
        model=model,
    )
