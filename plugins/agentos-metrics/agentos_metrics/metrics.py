"""The metrics: their names, labels and buckets. The how-to page lists them for operators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "histogram", "gauge"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. The name of a counter has no ``_total``: the exposition adds it."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...] = ()
    """The upper bounds of a histogram, without infinity."""

    @property
    def width(self) -> int:
        """How many numbers a series has: one; of a histogram one a bucket, one beyond the last, and the sum."""
        return len(self.buckets) + 2 if self.kind == "histogram" else 1


_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)

REQUESTS = Metric(
    "agentos_http_requests",
    "counter",
    "HTTP requests that were answered, by the declared path.",
    ("method", "route", "status"),
)
REQUEST_SECONDS = Metric(
    "agentos_http_request_duration_seconds",
    "histogram",
    "Seconds until a response was sent; of a stream, until it ended.",
    ("method", "route"),
    _SECONDS,
)
RUNS = Metric(
    "agentos_runs",
    "counter",
    "Runs that ended; cause is empty for those that completed.",
    ("agent", "status", "cause"),
)
RUN_SECONDS = Metric(
    "agentos_run_duration_seconds",
    "histogram",
    "Seconds from the admission of a run to its end.",
    ("agent",),
    _SECONDS,
)
WORKER_CPU = Metric(
    "agentos_worker_cpu_seconds",
    "counter",
    "CPU seconds of the processes that had this place among the workers.",
    ("worker",),
)
WORKER_MEMORY = Metric("agentos_worker_resident_memory_bytes", "gauge", "Resident memory of a worker.", ("worker",))
WORKER_FILES = Metric("agentos_worker_open_fds", "gauge", "Open files and sockets of a worker.", ("worker",))
WORKER_START = Metric(
    "agentos_worker_start_time_seconds", "gauge", "When a worker began to serve, as a Unix time.", ("worker",)
)

ALL = (REQUESTS, REQUEST_SECONDS, RUNS, RUN_SECONDS, WORKER_CPU, WORKER_MEMORY, WORKER_FILES, WORKER_START)
