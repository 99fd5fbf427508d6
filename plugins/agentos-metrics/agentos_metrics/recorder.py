"""Counts what happened in this worker. A count takes about a microsecond."""

from __future__ import annotations

import logging
import threading
from bisect import bisect_left

from agentos_metrics.metrics import Metric
from agentos_metrics.worker_numbers import Numbers, Series

logger = logging.getLogger(__name__)

_Key = tuple[str, tuple[str, ...]]


class TimedCounter:
    """A counter and a histogram that belong together: as fast as can be, for what each request and run does."""

    __slots__ = ("_buckets", "_count", "_durations", "_lock", "_recorder")

    def __init__(
        self,
        recorder: Recorder,
        lock: threading.Lock,
        count: int | None,
        durations: int | None,
        buckets: tuple[float, ...],
    ) -> None:
        self._recorder, self._lock, self._buckets = recorder, lock, buckets
        self._count, self._durations = count, durations

    def record(self, seconds: float) -> None:
        """Count an event that took so long."""
        with self._lock:
            values = self._recorder.numbers.values
            if self._count is not None:
                values[self._count] += 1.0
            if self._durations is not None:
                values[self._durations + bisect_left(self._buckets, seconds)] += 1.0
                values[self._durations + len(self._buckets) + 1] += seconds


class Recorder:
    """Adds to the numbers of one worker, from any thread."""

    def __init__(self, numbers: Numbers) -> None:
        self.numbers = numbers
        self._starts: dict[_Key, int] = {}
        self._lock = threading.Lock()
        self._warned = False

    def add(self, metric: Metric, labels: tuple[str, ...], amount: float = 1.0) -> None:
        """Add to a counter."""
        with self._lock:
            if (start := self._find(metric, labels)) is not None:
                self.numbers.values[start] += amount

    def observe(self, metric: Metric, labels: tuple[str, ...], value: float) -> None:
        """Add a value to a histogram."""
        with self._lock:
            if (start := self._find(metric, labels)) is not None:
                values = self.numbers.values
                values[start + bisect_left(metric.buckets, value)] += 1.0
                values[start + len(metric.buckets) + 1] += value

    def set(self, metric: Metric, labels: tuple[str, ...], value: float) -> None:
        """Set a gauge, or a counter that is counted elsewhere."""
        with self._lock:
            if (start := self._find(metric, labels)) is not None:
                self.numbers.values[start] = value

    def get(self, metric: Metric, labels: tuple[str, ...]) -> float:
        """Return the value of a counter or gauge."""
        with self._lock:
            start = self._find(metric, labels)
            return 0.0 if start is None else self.numbers.values[start]

    def timed(
        self, counter: Metric, counted: tuple[str, ...], histogram: Metric, observed: tuple[str, ...]
    ) -> TimedCounter:
        """Return what counts one kind of event and observes its duration; keep it for the next event of the kind."""
        with self._lock:
            count, durations = self._find(counter, counted), self._find(histogram, observed)
        return TimedCounter(self, self._lock, count, durations, histogram.buckets)

    def close(self) -> None:
        """Let another worker have this one's place."""
        with self._lock:
            self.numbers.close()

    def _find(self, metric: Metric, labels: tuple[str, ...]) -> int | None:
        key = (metric.name, labels)
        if (known := self._starts.get(key)) is not None:
            return known
        try:
            start = self.numbers.find(Series.of(metric, labels))
        except OSError as error:
            self._warn_once(f"a series cannot be saved: {error.strerror}")
            return None
        if start is None:
            self._warn_once("there is no room for more series")
            return None
        self._starts[key] = start
        return start

    def _warn_once(self, reason: str) -> None:
        if not self._warned:
            self._warned = True
            logger.warning("metrics are incomplete", extra={"reason": reason})
