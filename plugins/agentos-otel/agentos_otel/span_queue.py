"""Sends spans from a thread of its own. What it cannot keep or send is dropped and counted; no run waits for it."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from agentos_otel.outages import Outages

BATCH = 64
"""Spans of a request, unless ``OTEL_BSP_MAX_EXPORT_BATCH_SIZE`` says another number.

To encode a span takes about 40 microseconds, in which all streams of a worker wait. The SDK's 512 would take 20 ms.
"""


class SpanQueue:
    """Spans on their way to a collector. ``close`` sends what is left, within its time."""

    def __init__(self, exporter: SpanExporter, outages: Outages) -> None:
        self._exporter = exporter
        self._outages = outages
        self._most = _number("OTEL_BSP_MAX_QUEUE_SIZE", 2048)
        self._batch = _number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", BATCH)
        self._delay = _number("OTEL_BSP_SCHEDULE_DELAY", 5000) / 1000
        self._waiting: deque[ReadableSpan] = deque()
        self._woken = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="otel-spans", daemon=True)
        self._thread.start()

    def put(self, spans: Sequence[ReadableSpan]) -> None:
        """Take spans, or drop and count all of them where they are too many. Returns at once."""
        if len(self._waiting) + len(spans) > self._most:
            self._outages.dropped(len(spans), "the queue is full")
            return
        self._waiting.extend(spans)
        if len(self._waiting) >= self._batch:
            self._woken.set()

    def close(self, seconds: float) -> None:
        """Send what is left, and end. After these seconds the thread is left behind, with what it has."""
        self._closing = True
        self._woken.set()
        self._thread.join(seconds)
        if self._thread.is_alive() and self._waiting:
            self._outages.dropped(len(self._waiting), "the server stops")
        self._exporter.shutdown()

    def _work(self) -> None:
        while not self._closing:
            self._woken.wait(self._delay)
            self._woken.clear()
            while self._waiting:
                self._send([self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))])

    def _send(self, batch: Sequence[ReadableSpan]) -> None:
        try:
            sent = self._exporter.export(batch) is SpanExportResult.SUCCESS
        except Exception as error:  # noqa: BLE001 - what a collector answers may be anything
            sent = False
            self._outages.says(type(error).__name__)
        if sent:
            self._outages.over()
        else:
            self._outages.dropped(len(batch))
            time.sleep(0)  # an exporter that refuses at once must not hold the others


def _number(variable: str, default: int) -> int:
    """Return a number above 0 of the environment."""
    try:
        return max(1, int(os.environ.get(variable, "") or default))
    except ValueError:
        return default
