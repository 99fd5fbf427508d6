"""Which variables of the environment switch what on."""

from __future__ import annotations

import subprocess
import sys

import pytest
from agentos_otel import SwitchedOff, make_plugin
from agentos_otel.plugin import ContentPlugin, OTelPlugin
from agentos_otel.switches import Switches

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


@pytest.mark.parametrize(
    ("environ", "traces", "metrics"),
    [
        ({}, None, None),
        ({"OTEL_SERVICE_NAME": "mine"}, None, None),
        (ENDPOINT, "otlp", "otlp"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, None, None),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, "otlp", None),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, None, "otlp"),
        ({**ENDPOINT, "OTEL_METRICS_EXPORTER": "none"}, "otlp", None),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "otlp", None),
        ({"OTEL_TRACES_EXPORTER": "console"}, "console", None),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "TRUE"}, None, None),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "false"}, "otlp", "otlp"),
        ({**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "otlp", "otlp"),
    ],
)
def test_the_variables_decide(environ: dict[str, str], traces: str | None, metrics: str | None) -> None:
    assert Switches.of(environ) == Switches(traces=traces, metrics=metrics)  # type: ignore[arg-type]
    assert isinstance(make_plugin(environ), OTelPlugin if traces or metrics else SwitchedOff)


def test_an_exporter_that_there_is_not_is_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    assert Switches.of({**ENDPOINT, "OTEL_TRACES_EXPORTER": "zipkin"}).traces is None
    assert "'zipkin'; accepted are otlp, console and none" in caplog.text


@pytest.mark.parametrize(
    ("value", "on"), [("true", True), ("SPAN_ONLY", True), ("false", False), ("no_content", False)]
)
def test_contents_are_asked_for(value: str, on: bool) -> None:
    assert isinstance(make_plugin({**ENDPOINT, CONTENT: value}), ContentPlugin) is on


@pytest.mark.parametrize("variables", [{}, {**ENDPOINT, "OTEL_SDK_DISABLED": "true"}])
def test_nothing_of_opentelemetry_is_loaded_where_it_is_off(variables: dict[str, str]) -> None:
    program = """
import sys
from agentos import Agent
from agentos.testing import serve_agents
with serve_agents([Agent(id="a", model="openai:x")], turns=["Hello"], installed=["otel"]) as served:
    answer = served.app.test_client().post("/api/v1/agents/a/run", json={"input": "Hi"})
    assert answer.status_code == 200, answer.text
    report = {one.name: one for one in served.app.extensions["agentos"].plugins.reports}["otel"]
    assert report.status == "loaded", report
print([name for name in sys.modules if name.startswith(("opentelemetry", "google", "requests"))])
"""
    done = subprocess.run([sys.executable, "-c", program], env=variables, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip().splitlines()[-1:] == ["[]"], done.stdout + done.stderr
