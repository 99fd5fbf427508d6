"""What one process sends by: the sampler, the queue of spans, the metrics."""

from __future__ import annotations

import os
from collections.abc import Mapping

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agentos import FinishedRequest, Run, TraceContext
from agentos_otel.content import CallContents, Content
from agentos_otel.metric_thread import MetricThread
from agentos_otel.run_metrics import RunMetrics
from agentos_otel.sampling import sampler_of
from agentos_otel.sender import ConsoleSender, HttpSender, Sender
from agentos_otel.span_maker import SpanMaker
from agentos_otel.span_queue import SpanQueue
from agentos_otel.switches import Exporter, Switches
from agentos_otel.values import LONGEST, resource_of
from agentos_otel.variables import Target, number

CLOSE_SECONDS = 0.8
"""All plugins have one second to stop."""


class Pipeline:
    """Made when something is to be sent for the first time: after the fork, since it starts threads."""

    def __init__(self, switches: Switches, environ: Mapping[str, str]) -> None:
        resource = resource_of(environ)
        content = Content(int(number(environ, "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", LONGEST, least=16)))
        self.contents = CallContents(content)
        self._content = switches.content
        self._maker = SpanMaker(content)
        self._is_sampled = sampler_of(environ)
        self._spans = self._metrics = self._sending = None
        self._sender: Sender | None = None
        if switches.traces is not None:
            self._sender = _sender("spans", switches.traces, "traces", environ)
            self._spans = SpanQueue(self._sender, resource, environ)
        if switches.metrics is not None:
            self._metrics = RunMetrics(lambda: self.dropped)
            sender = _sender("metrics", switches.metrics, "metrics", environ)
            self._sending = MetricThread(self._metrics, sender, resource, environ)

    @property
    def dropped(self) -> int:
        """How many spans were dropped so far."""
        return 0 if self._sender is None else self._sender.total

    def begin(self, parent: TraceContext | None) -> TraceContext | None:
        """Return the span of what begins, and whether it is recorded."""
        if self._spans is None:
            return None
        random = os.urandom(24).hex()
        trace_id = random[16:] if parent is None else parent.trace_id
        return TraceContext(
            trace_id=trace_id,
            span_id=random[:16],
            sampled=self._is_sampled(parent, trace_id),
            state="" if parent is None else parent.state,
            parent_id=None if parent is None else parent.span_id,
        )

    def add_request(self, request: FinishedRequest) -> None:
        """Take a request that has ended."""
        if self._spans is not None:
            self._spans.put(self._maker.of_request(request))

    def add_run(self, run: Run) -> None:
        """Take a run that has ended."""
        if self._metrics is not None:
            self._metrics.record(run)
        if self._spans is not None:
            calls = self.contents.take(run) if self._content else {}
            self._spans.put(self._maker.of_run(run, calls, content=self._content))

    def close(self) -> None:
        """Send what is left, within a part of a second."""
        if self._spans is not None:
            self._spans.close(CLOSE_SECONDS / 2)
        if self._sending is not None:
            self._sending.close(CLOSE_SECONDS / 2)


def _sender(what: str, exporter: Exporter, signal: str, environ: Mapping[str, str]) -> Sender:
    if exporter == "console":
        return ConsoleSender(ExportTraceServiceRequest if signal == "traces" else ExportMetricsServiceRequest)
    return HttpSender(what, Target.of(environ, signal))
