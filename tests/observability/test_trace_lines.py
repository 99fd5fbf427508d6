"""Lines of the log name the span that they are about, where a plugin makes traces."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from agentos import RunContext, TraceContext, hookimpl
from agentos.observability.logs import ConsoleFormatter, JSONFormatter
from agentos.observability.tracing import tracing

TRACE = TraceContext(trace_id="a" * 32, span_id="b" * 16)
TRACES = SimpleNamespace(begin_trace=hookimpl(lambda parent: parent or TRACE))


class Logs:
    def stream(self, context: RunContext) -> Iterator[str]:
        logging.getLogger("mine").warning("in the run")
        yield context.run_id


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Return the lines of the log so far, as they are written."""
    stream, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(stream), root.level
    handler.setFormatter(JSONFormatter())
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.mark.parametrize("path", ["run", "run/stream"])
def test_lines_of_a_request_and_its_run_have_their_spans(agentos_app, agentos_client, lines, path: str) -> None:
    agentos_app({"mine": Logs()}, plugins={"traces": TRACES})
    answer = agentos_client.post(f"/api/v1/agents/mine/{path}", json={"input": "Hi"})
    assert (answer.status_code, answer.data != b"") == (200, True)
    run_id = answer.headers["X-Run-ID"] if path != "run" else answer.json["run_id"]
    answer.close()
    logging.getLogger("mine").warning("outside")
    found = {line["message"]: (line.get("trace_id"), line.get("span_id")) for line in lines()}
    run = TRACE.child("run", run_id)
    assert found["in the run"] == (run.trace_id, run.span_id)
    assert found["request"] == (TRACE.trace_id, TRACE.span_id)
    assert found["outside"] == (None, None)


def test_a_line_for_people_has_them_too() -> None:
    record = logging.LogRecord("mine", logging.INFO, "", 0, "Hello", None, None)
    with tracing(TRACE):
        assert f"trace_id={'a' * 32} span_id={'b' * 16}" in ConsoleFormatter().format(record)
    assert "trace_id" not in ConsoleFormatter().format(record)
