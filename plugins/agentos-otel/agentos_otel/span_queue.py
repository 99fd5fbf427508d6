"""Sends spans from a thread of its own. What it cannot keep or send is dropped and counted; no run waits for it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans

from agentos_otel.sender import Sender
from agentos_otel.values import SCOPE
from agentos_otel.variables import number
from agentos_otel.wire import field

RESOURCE_SPANS = ExportTraceServiceRequest.RESOURCE_SPANS_FIELD_NUMBER
RESOURCE = ResourceSpans.RESOURCE_FIELD_NUMBER
SCOPE_SPANS = ResourceSpans.SCOPE_SPANS_FIELD_NUMBER
SCOPE_OF_SPANS = ScopeSpans.SCOPE_FIELD_NUMBER
SPAN = ScopeSpans.SPANS_FIELD_NUMBER


class SpanQueue:
    """Encoded spans on their way to a collector. ``close`` sends what is left, within its time."""

    def __init__(self, sender: Sender, resource: Resource, environ: Mapping[str, str]) -> None:
        self._sender = sender
        self._resource = resource
        self._most = int(number(environ, "OTEL_BSP_MAX_QUEUE_SIZE", 2048))
        self._batch = int(number(environ, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512))
        self._delay = number(environ, "OTEL_BSP_SCHEDULE_DELAY", 5000) / 1000
        self._waiting: deque[bytes] = deque()
        self._woken = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="otel-spans", daemon=True)
        self._thread.start()

    def put(self, spans: Sequence[bytes]) -> None:
        """Take spans, or drop and count all of them where they are too many. Returns at once."""
        if len(self._waiting) + len(spans) > self._most:
            self._sender.dropped(len(spans), "the queue is full")
            return
        self._waiting.extend(spans)
        if len(self._waiting) >= self._batch:
            self._woken.set()

    def close(self, seconds: float) -> None:
        """Send what is left, and end. After these seconds the thread is left behind, with what it has."""
        self._closing = True
        self._sender.close()
        self._woken.set()
        self._thread.join(seconds)
        if self._thread.is_alive() and self._waiting:
            self._sender.dropped(len(self._waiting), "the server stops")

    def _work(self) -> None:
        while not self._closing:
            self._woken.wait(self._delay)
            self._woken.clear()
            self._send_batch()
            # What came while that was sent waits for the next time, lest messages of a few spans follow one another.
            while len(self._waiting) >= self._batch:
                self._send_batch()
        while self._waiting:
            self._send_batch()

    def _send_batch(self) -> None:
        spans = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
        if spans:
            self._sender.send(self._request(spans), len(spans))

    def _request(self, spans: Iterable[bytes]) -> bytes:
        """Return the message of spans that are encoded already: to encode 512 would hold all streams for 20 ms."""
        scope = field(SCOPE_OF_SPANS, SCOPE.SerializeToString()) + b"".join(field(SPAN, span) for span in spans)
        resource = field(RESOURCE, self._resource.SerializeToString()) + field(SCOPE_SPANS, scope)
        return field(RESOURCE_SPANS, resource)
