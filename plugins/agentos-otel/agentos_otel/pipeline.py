"""What one process sends by: the resource, the sampler, the queue of spans, the metrics."""

from __future__ import annotations

import os
import uuid

from opentelemetry.sdk.resources import (
    SERVICE_INSTANCE_ID,
    SERVICE_NAME,
    SERVICE_VERSION,
    OTELResourceDetector,
    Resource,
)
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SpanExporter
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, set_span_in_context

from agentos import FinishedRequest, Run, TraceContext, __version__
from agentos_otel.content import LONGEST, CallContents, Limited
from agentos_otel.outages import Outages
from agentos_otel.run_metrics import RunMetrics
from agentos_otel.span_maker import SpanMaker
from agentos_otel.span_queue import SpanQueue
from agentos_otel.switches import Exporter, Switches

CLOSE_SECONDS = 0.8
"""All plugins have one second to stop."""


class Pipeline:
    """Made when something is to be sent for the first time: after the fork, since it starts threads."""

    def __init__(self, switches: Switches) -> None:
        self._resource = resource()
        limits = SpanLimits()
        length = limits.max_span_attribute_length
        limited = Limited(LONGEST if length is None else length)
        self.contents = CallContents(limited)
        self._content = switches.content
        self._maker = SpanMaker(self._resource, limited)
        self._outages = Outages("spans", "opentelemetry.exporter.otlp.proto.http.trace_exporter")
        # The provider knows how to make a sampler of OTEL_TRACES_SAMPLER; nothing else of it is used.
        self._sampler = TracerProvider(resource=self._resource, shutdown_on_exit=False).sampler
        traces, metrics = switches.traces, switches.metrics
        self._queue = None if traces is None else SpanQueue(_exporter(traces), self._outages)
        self._metrics = None if metrics is None else RunMetrics(metrics, self._resource, lambda: self.dropped)

    @property
    def dropped(self) -> int:
        """How many spans were dropped so far."""
        return self._outages.total

    def begin(self, parent: TraceContext | None) -> TraceContext | None:
        """Return the span of what begins, and whether it is recorded."""
        if self._queue is None:
            return None
        trace_id = os.urandom(16).hex() if parent is None else parent.trace_id
        around = None
        if parent is not None:
            flags = TraceFlags(TraceFlags.SAMPLED if parent.sampled else TraceFlags.DEFAULT)
            span = SpanContext(int(trace_id, 16), int(parent.span_id or "0", 16), is_remote=True, trace_flags=flags)
            around = set_span_in_context(NonRecordingSpan(span))
        result = self._sampler.should_sample(around, int(trace_id, 16), "request", SpanKind.SERVER)
        return TraceContext(
            trace_id=trace_id,
            span_id=os.urandom(8).hex(),
            sampled=result.decision is Decision.RECORD_AND_SAMPLE,
            state="" if parent is None else parent.state,
            parent_id=None if parent is None else parent.span_id,
        )

    def add_request(self, request: FinishedRequest) -> None:
        """Take a request that has ended."""
        if self._queue is not None:
            self._queue.put(self._maker.of_request(request))

    def add_run(self, run: Run) -> None:
        """Take a run that has ended."""
        if self._metrics is not None:
            self._metrics.record(run)
        if self._queue is not None:
            calls = self.contents.take(run) if self._content else {}
            self._queue.put(self._maker.of_run(run, calls, content=self._content))

    def close(self) -> None:
        """Send what is left, within a part of a second."""
        if self._queue is not None:
            self._queue.close(CLOSE_SECONDS / 2)
        if self._metrics is not None:
            self._metrics.close(CLOSE_SECONDS / 2)


def resource() -> Resource:
    """Return what all spans and metrics of this process say of it; the variables of the environment come first."""
    ours = {SERVICE_NAME: "agentos", SERVICE_VERSION: __version__, SERVICE_INSTANCE_ID: str(uuid.uuid4())}
    given = OTELResourceDetector().detect().attributes
    return Resource.create({name: value for name, value in ours.items() if name not in given})


def _exporter(exporter: Exporter) -> SpanExporter:
    if exporter == "console":
        return ConsoleSpanExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # Late: see RunMetrics.

    return OTLPSpanExporter()
