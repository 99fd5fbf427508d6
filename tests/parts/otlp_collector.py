"""Takes what OTLP sends over HTTP, as a collector does, and answers as a test wants."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PATIENCE = 30.0
"""Seconds that a test waits for something to arrive."""


@dataclass(frozen=True)
class Received:
    """A span as it arrived."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: int
    begin: int
    end: int
    failed: bool
    state: str
    attributes: dict[str, Any]


@dataclass
class Collector:
    """Listens on a free port of 127.0.0.1 within the block. ``answer(handler)`` replaces its answers."""

    spans: list[Received] = field(default_factory=list)
    metrics: dict[str, list[Any]] = field(default_factory=dict)
    resource: dict[str, Any] = field(default_factory=dict)
    headers: list[dict[str, str]] = field(default_factory=list)
    answer: Callable[[BaseHTTPRequestHandler], None] | None = None

    def __enter__(self) -> Self:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                collector.headers.append({name.lower(): value for name, value in self.headers.items()})
                if collector.answer is not None:
                    return collector.answer(self)
                collector.take(self.path, body)
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return None

            def log_message(self, format: str, *arguments: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, path: str, body: bytes) -> None:
        """Keep what a request has."""
        if path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.resource = _values(resource.resource.attributes)
                # All at once: tests wait for one of them, and then look at the others.
                self.spans += [_span(span) for scope in resource.scope_spans for span in scope.spans]
        else:
            assert path == "/v1/metrics"
            for found in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for metric in (metric for scope in found.scope_metrics for metric in scope.metrics):
                    points = metric.histogram.data_points or metric.sum.data_points
                    self.metrics[metric.name] = [(_values(point.attributes), point) for point in points]

    def wait(self, ready: Callable[[], object]) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + PATIENCE
        while not ready():
            assert time.monotonic() < deadline, f"it did not come; there is {[span.name for span in self.spans]}"
            time.sleep(0.01)

    def wait_for(self, *names: str) -> None:
        """Wait until spans with these names are there."""
        self.wait(lambda: set(names) <= {span.name for span in self.spans})

    def named(self, name: str) -> list[Received]:
        """Return the spans of a name, by their begin."""
        return sorted((span for span in self.spans if span.name == name), key=lambda span: span.begin)

    def one(self, name: str) -> Received:
        """Return the one span of a name."""
        (span,) = self.named(name)
        return span


def _span(span: Any) -> Received:
    return Received(
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        kind=span.kind,
        begin=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        failed=span.status.code == 2,
        state=span.trace_state,
        attributes=_values(span.attributes),
    )


def _values(attributes: Any) -> dict[str, Any]:
    return {one.key: _value(one.value) for one in attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return [_value(one) for one in value.array_value.values] if kind == "array_value" else getattr(value, kind)
