"""A real server with several workers: traces over pauses, restarts and deaths, and what a collector does to it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from agentos_testing import ServerProcess

from parts.model_behaviours import call
from parts.model_server import ModelServer
from parts.otlp_collector import Collector

PROGRAM = """
import agentos
from agentos import Agent, tool

@tool(approval=True)
def buy(item: str) -> str:
    "Buy an item."
    return f"bought {item}"

server = agentos.AgentOS()
server.register_tool(buy)
server.register_agent(Agent(id="shop", model="openai:scripted", tools=["buy"]))
server.register_agent(Agent(id="echo", model="openai:echo"))
server.register_agent(Agent(id="slow", model="openai:slow-1000x0.1"))
"""
SECONDS = 60.0

Start = Callable[..., ServerProcess]


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        server.answer([call("buy", '{"item": "tea"}', id="c1")], "Done.")
        yield server


@pytest.fixture
def start(serve: Callable[..., ServerProcess], tmp_path: Path, collector: Collector, model: ModelServer) -> Start:
    def make(**env: str) -> ServerProcess:
        program = tmp_path / "program.py"
        program.write_text(PROGRAM, "utf-8")
        variables = {
            "AGENTOS_RATE_LIMIT": "none",
            "AGENTOS_DATABASE_URL": f"sqlite:///{tmp_path}/shared.db",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "50",
            "OPENAI_BASE_URL": model.url,
            "OPENAI_API_KEY": "key",
            **env,
        }
        return serve(program, installed=["otel", "openai"], workers=2, env=variables)

    return make


def paused(server: ServerProcess) -> dict[str, Any]:
    run: dict[str, Any] = server.client.run("shop", "buy").json
    assert run["status"] == "paused"
    return run


def approve(server: ServerProcess, run: dict[str, Any]) -> None:
    answers = [{"id": one["id"], "decision": "approve"} for one in run["pending"]]
    answer = server.client.post(f"/api/v1/runs/{run['run_id']}/resume", {"answers": answers})
    assert answer.status in (200, 202), answer.text


def test_a_run_that_pauses_over_a_restart_is_one_tree(start: Start, collector: Collector) -> None:
    first = start()
    run = paused(first)
    first.stop()
    assert collector.named("POST /api/v1/agents/{agent_id}/run"), "what was left was sent at the end"
    second = start()
    approve(second, run)
    collector.wait_for("invoke_agent shop")
    tree = collector.one("invoke_agent shop")
    request = collector.one("POST /api/v1/agents/{agent_id}/run")
    assert (tree.trace_id, tree.parent_id) == (request.trace_id, request.span_id)
    inside = sorted(span.name for span in collector.spans if span.parent_id == tree.span_id)
    assert inside == ["chat scripted", "chat scripted", "execute_tool buy", "pause"]


def test_the_run_of_a_killed_worker_ends_in_its_trace(start: Start, collector: Collector) -> None:
    server = start(AGENTOS_LEASE_SECONDS="2")
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    assert server.client.run("slow", "Hi", headers=headers, background=True).status == 202
    server.wait_for(lambda: server.client.get("/api/v1/runs?status=running").json["runs"], SECONDS)
    for pid in Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split():
        os.kill(int(pid), signal.SIGKILL)
    collector.wait_for("invoke_agent slow")
    run = collector.one("invoke_agent slow")
    assert (run.trace_id, run.failed, run.attributes["error.type"]) == (trace, True, "WORKER_LOST")


def test_a_collector_that_never_answers_holds_no_stream(start: Start, collector: Collector) -> None:
    collector.answer = lambda request: request.rfile.read()  # until the client gives up
    server = start(OTEL_EXPORTER_OTLP_TIMEOUT="1", OTEL_METRICS_EXPORTER="none")
    for _ in range(20):
        assert server.client.run("echo", "Hi").json["content"] == "Hi"
    server.wait_for(lambda: "spans cannot be sent" in server.log(), SECONDS)
    assert server.log().count("spans cannot be sent") <= 2, "once for each worker"
    collector.answer = None
    server.wait_for(lambda: server.client.run("echo", "Hi").status == 200 and collector.spans, SECONDS)


def test_a_server_stops_although_its_collector_does_not_answer(start: Start, collector: Collector) -> None:
    def silent(request: BaseHTTPRequestHandler) -> None:
        request.rfile.read()

    collector.answer = silent
    server = start()
    assert server.client.run("echo", "Hi").status == 200
    assert server.stop() == 0


def test_lines_of_the_log_have_the_ids_of_their_trace(start: Start, collector: Collector) -> None:
    server = start()
    for _ in range(3):
        server.client.run("echo", "Hi")
    collector.wait(lambda: len(collector.named("invoke_agent echo")) == 3)
    runs = {span.span_id: span.trace_id for span in collector.named("invoke_agent echo")}
    server.wait_for(lambda: server.log().count("run completed") == 3, SECONDS)
    lines = [line for line in server.records() if line["message"] == "run completed"]
    assert {line["span_id"]: line["trace_id"] for line in lines} == runs
