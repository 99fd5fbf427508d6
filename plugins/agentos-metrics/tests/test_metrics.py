"""What is counted, under which labels, and as what text it is served."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from agentos_metrics import MetricsPlugin
from agentos_metrics.metrics import ALL, OF_DEPLOYMENT
from flask import Flask
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from agentos import Agent, Run, RunContext, RunStatus
from agentos.testing import AgentClient


class Echo:
    def stream(self, context: RunContext) -> Iterable[str]:
        if context.input == "fail":
            raise RuntimeError("broken")
        yield context.input


Make = Callable[..., Flask]


def samples(client: AgentClient, name: str) -> dict[tuple[str, ...], float]:
    """Return the values of one metric by the values of its labels, in the order of the labels' names."""
    families = parse_text(client.get("/metrics").text)
    found = [sample for family in families for sample in family.samples if sample.name == name]
    return {tuple(value for _, value in sorted(sample.labels.items())): sample.value for sample in found}


def test_runs_are_counted_by_agent_status_and_cause(
    agentos_app: Make, agentos_client: AgentClient, metrics: MetricsPlugin
) -> None:
    agentos_app({"echo": Echo()}, plugins={"metrics": metrics})
    for text in ("one", "two", "fail"):
        agentos_client.post("/api/v1/agents/echo/run", json={"input": text})
    assert samples(agentos_client, "agentos_runs_total") == {
        ("echo", "", "completed"): 2,
        ("echo", "AGENT_FAILED", "failed"): 1,
    }
    assert samples(agentos_client, "agentos_run_duration_seconds_count") == {("echo",): 3}


def test_requests_are_counted_by_their_declared_path(
    agentos_app: Make, agentos_client: AgentClient, metrics: MetricsPlugin
) -> None:
    agentos_app({"echo": Echo()}, plugins={"metrics": metrics})
    for number in range(3):
        agentos_client.get(f"/api/v1/runs/no-{number}")
        agentos_client.get(f"/made/up/{number}")
        agentos_client.open("/health", method=f"BREW{number}")
    found = samples(agentos_client, "agentos_http_requests_total")
    assert found == {
        ("GET", "/api/v1/runs/{run_id}", "404"): 3,
        ("GET", "none", "404"): 3,
        ("other", "none", "405"): 3,
    }


def test_buckets_are_cumulative_and_end_with_the_count(
    agentos_app: Make, agentos_client: AgentClient, metrics: MetricsPlugin
) -> None:
    agentos_app({"echo": Echo()}, plugins={"metrics": metrics})
    for _ in range(5):
        agentos_client.post("/api/v1/agents/echo/run", json={"input": "Hi"})
    buckets = list(samples(agentos_client, "agentos_run_duration_seconds_bucket").values())
    assert buckets == sorted(buckets)
    assert buckets[-1] == 5
    assert 0 < samples(agentos_client, "agentos_run_duration_seconds_sum")[("echo",)] < 50


def test_stored_agents_have_a_label_up_to_a_bound_and_those_of_code_always(
    agentos_app: Make, agentos_client: AgentClient, scripted: Any, metrics: MetricsPlugin
) -> None:
    scripted.say("Hello")
    agentos_app(
        {f"code-{number}": Echo() for number in range(4)},
        plugins={"metrics": metrics},
        in_place_of=["scripted"],
        plugin_settings={"metrics_max_agents": 2},
    )
    stored = ["a", "b.c-d_e", "c" * 128, "d"]
    for agent in stored:
        made = agentos_client.post(
            "/api/v1/agents", json={"id": agent, "name": 'a "quoted"\n\\name', "model": "scripted:echo"}
        )
        assert made.status_code == 201, made.text
    for agent in (*stored, *stored, *(f"code-{number}" for number in range(4))):
        scripted.say("Hello")
        assert agentos_client.post(f"/api/v1/agents/{agent}/run", json={"input": "Hi"}).status_code == 200
    counts = {agent: number for (agent, *_), number in samples(agentos_client, "agentos_runs_total").items()}
    assert counts == {"a": 2, "b.c-d_e": 2, "other": 4, "code-0": 1, "code-1": 1, "code-2": 1, "code-3": 1}


def test_hostile_names_of_agents_do_not_break_the_text(
    agentos_app: Make, agentos_client: AgentClient, metrics: MetricsPlugin
) -> None:
    names = ['"} 1\nagentos_up{x="', "back\\slash", "ünï\u2028code", "half \ud800 a letter", "{}", " "]
    agentos_app({"echo": Echo()}, plugins={"metrics": metrics})
    run = agentos_client.post("/api/v1/agents/echo/run", json={"input": "Hi"})
    assert run.status_code == 200
    for name in names:
        metrics.run_finished(_run(name))
    counts = samples(agentos_client, "agentos_runs_total")
    readable = {name.encode("utf-8", "replace").decode() for name in names}
    assert {agent for agent, *_ in counts} == {*readable, "echo"}


def _run(agent_id: str) -> Run:
    return Run(id="1", agent_id=agent_id, status=RunStatus.COMPLETED, created_at=datetime.now(UTC))


@pytest.mark.parametrize("accept", ["", "text/plain", "*/*", "application/openmetrics-text; version=1.0.0"])
def test_the_text_is_what_the_client_accepts(
    agentos_app: Make, agentos_client: AgentClient, metrics: MetricsPlugin, accept: str
) -> None:
    agentos_app({"echo": Echo()}, plugins={"metrics": metrics}, started=True)
    agentos_client.post("/api/v1/agents/echo/run", json={"input": "Hi"})
    answer = agentos_client.get("/metrics", headers={"Accept": accept})
    open_metrics = accept.startswith("application/openmetrics-text")
    assert answer.content_type.startswith("application/openmetrics-text" if open_metrics else "text/plain")
    assert answer.headers["Cache-Control"] == "no-store"
    families = list((parse_openmetrics if open_metrics else parse_text)(answer.text))
    assert {"agentos", "agentos_workers"} & {family.name.removesuffix("_info") for family in families}
    assert all(family.documentation for family in families)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
def test_promtool_accepts_the_text(agentos_app: Make, agentos_client: AgentClient, metrics: MetricsPlugin) -> None:
    agentos_app({"echo": Echo()}, plugins={"metrics": metrics}, started=True)
    agentos_client.post("/api/v1/agents/echo/run", json={"input": "Hi"})
    text = agentos_client.get("/metrics").text
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_process_has_its_figures(agentos_app: Make, agentos_client: AgentClient, metrics: MetricsPlugin) -> None:
    agentos_app([Agent(id="a", model="test:scripted")], plugins={"metrics": metrics}, started=True)
    assert samples(agentos_client, "agentos_workers") == {(): 1}
    assert samples(agentos_client, "agentos_worker_cpu_seconds_total")[("0",)] > 0
    assert samples(agentos_client, "agentos_worker_resident_memory_bytes")[("0",)] > 1_000_000
    assert samples(agentos_client, "agentos_worker_start_time_seconds")[("0",)] > 1_700_000_000


def test_the_page_lists_every_metric_with_its_labels_and_unit() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "metrics.md").read_text("utf-8")
    cells = [[cell.strip() for cell in line.split("|")[1:5]] for line in page.splitlines() if line.startswith("| `a")]
    rows = [row[:3] for row in cells if row[0].startswith("`agentos_")]
    expected = [["`agentos_info`", "gauge", "`version`, `python`"], ["`agentos_workers`", "gauge", ""]]
    for metric in (*ALL, *OF_DEPLOYMENT):
        name = f"{metric.name}_total" if metric.kind == "counter" else metric.name
        expected.append([f"`{name}`", metric.kind, ", ".join(f"`{label}`" for label in metric.labels)])
    assert rows == expected
    units = {row[0].strip("`"): row[3] for row in cells if row[0].startswith("`agentos_")}
    assert all(units.values())
    for name, unit in units.items():
        if name.removesuffix("_total").endswith(("_seconds", "_bytes")) and "start_time" not in name:
            assert unit == ("bytes" if "_bytes" in name else "seconds")
