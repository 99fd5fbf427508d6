"""A collector that is down, slow or answers garbage: runs do not notice, the log says so once, drops are counted."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from agentos_otel.plugin import OTelPlugin

from agentos import Agent, ScriptedProvider
from agentos.testing import AgentClient
from parts.otlp_collector import Collector

Traced = Callable[..., OTelPlugin]

RUN = "/api/v1/agents/shop/run"
QUICK = {"OTEL_EXPORTER_OTLP_TIMEOUT": "1", "OTEL_METRICS_EXPORTER": "none", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "4"}
LOST = "spans cannot be sent and are dropped until they can"


def garbage(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"\x00\xff no HTTP at all\r\n\r\n" * 10)
    request.close_connection = True


def refusal(request: BaseHTTPRequestHandler) -> None:
    request.send_response(400)
    request.send_header("Content-Length", "3")
    request.end_headers()
    request.wfile.write(b"\xff\xfe\xfd")


def overload(request: BaseHTTPRequestHandler) -> None:
    request.send_response(503)
    request.send_header("Retry-After", "100")
    request.send_header("Content-Length", "0")
    request.end_headers()


def cut(request: BaseHTTPRequestHandler) -> None:
    request.connection.close()


def messages(caplog: pytest.LogCaptureFixture, text: str) -> list[Any]:
    return [record for record in caplog.records if record.message == text]


@pytest.fixture
def run(agentos_app: Any, agentos_client: AgentClient, scripted: ScriptedProvider) -> Callable[[OTelPlugin], Any]:
    scripted.say("Hello")

    def make(plugin: OTelPlugin) -> Callable[[], None]:
        agentos_app([Agent(id="shop", model="test:scripted")], plugins={"otel": plugin})

        def run() -> None:
            answer = agentos_client.post(RUN, json={"input": "Hi"})
            assert (answer.status_code, answer.json["content"]) == (200, "Hello")

        return run

    return make


@pytest.mark.parametrize("answer", [garbage, refusal, overload, cut], ids=lambda answer: answer.__name__)
def test_runs_do_not_notice_what_a_collector_answers_and_it_is_said_once(
    run: Any,
    collector: Collector,
    traced: Traced,
    caplog: pytest.LogCaptureFixture,
    answer: Callable[[BaseHTTPRequestHandler], None],
) -> None:
    caplog.set_level(logging.INFO)
    collector.answer = answer
    plugin = traced(**QUICK)
    act = run(plugin)
    for number in range(3):
        act()
        collector.wait(lambda least=3 * (number + 1): plugin.pipeline().dropped >= least)
    assert len(messages(caplog, LOST)) == 1
    assert messages(caplog, LOST)[0].reason
    assert [record.name for record in caplog.records if record.name.startswith(("opentelemetry", "urllib3"))] == []
    collector.answer = None
    act()
    collector.wait_for("invoke_agent shop")
    collector.wait(lambda: messages(caplog, "spans are sent again"))
    assert messages(caplog, "spans are sent again")[0].dropped >= 9


def test_a_collector_that_is_down_costs_no_run(
    run: Any, traced: Traced, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    plugin = traced(**QUICK, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1")
    act = run(plugin)
    for _ in range(10):
        act()
    collector.wait(lambda: plugin.pipeline().dropped)
    assert len(messages(caplog, LOST)) == 1


def test_a_slow_collector_holds_no_run_and_the_queue_is_bounded(
    run: Any, collector: Collector, traced: Traced, caplog: pytest.LogCaptureFixture
) -> None:
    release, held = threading.Event(), threading.Event()

    def slow(request: BaseHTTPRequestHandler) -> None:
        held.set()
        release.wait(60)
        cut(request)

    collector.answer = slow
    plugin = traced(**{**QUICK, "OTEL_EXPORTER_OTLP_TIMEOUT": "60", "OTEL_BSP_MAX_QUEUE_SIZE": "20"})
    act = run(plugin)
    for _ in range(30):  # three spans each: more than the queue and the batch that is held have room for
        act()
    assert held.wait(30)
    assert plugin.pipeline().dropped >= 90 - 20 - 4 - 3
    assert [record.reason for record in messages(caplog, LOST)] == ["the queue is full"]
    began = time.monotonic()
    plugin.close()
    assert time.monotonic() - began < 20, "the end of the server waits a part of a second for what is held"
    release.set()


def test_what_comes_while_a_message_is_sent_waits_for_the_next_one(
    run: Any, collector: Collector, traced: Traced
) -> None:
    release, answered = threading.Event(), threading.Event()

    def held(request: BaseHTTPRequestHandler) -> None:
        release.wait(60)
        request.send_response(200)
        request.send_header("Content-Length", "0")
        request.end_headers()
        answered.set()

    collector.answer = held
    six = {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "6", "OTEL_BSP_SCHEDULE_DELAY": "600000"}
    plugin = traced(**{**QUICK, **six, "OTEL_EXPORTER_OTLP_TIMEOUT": "60"})
    act = run(plugin)
    act()
    act()  # three spans each
    collector.wait(lambda: len(collector.headers) == 1)
    act()
    release.set()
    assert answered.wait(30)
    time.sleep(0.3)
    assert len(collector.headers) == 1, "three spans were sent on their own"
    plugin.close()
    assert len(collector.headers) == 2


def test_what_is_left_is_sent_at_the_end(run: Any, collector: Collector, traced: Traced) -> None:
    plugin = traced(**QUICK, OTEL_BSP_SCHEDULE_DELAY="600000", OTEL_EXPORTER_OTLP_COMPRESSION="gzip")
    run(plugin)()
    assert collector.spans == []
    plugin.close()
    assert {span.name for span in collector.spans} >= {"invoke_agent shop", "chat scripted"}


def test_headers_of_the_variables_are_sent(run: Any, collector: Collector, traced: Traced) -> None:
    run(traced(**QUICK, OTEL_EXPORTER_OTLP_HEADERS="authorization=Basic%20abc"))()
    collector.wait_for("invoke_agent shop")
    assert collector.headers[0]["authorization"] == "Basic abc"
