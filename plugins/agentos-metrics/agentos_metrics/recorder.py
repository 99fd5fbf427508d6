"""Counts what happened in this worker. A count takes about a microsecond and never waits."""

from __future__ import annotations

import logging
import threading
from bisect import bisect_left

from agentos_metrics.metrics import Metric
from agentos_metrics.worker_numbers import Numbers, Series

logger = logging.getLogger(__name__)

_Key = tuple[str, tuple[str, ...]]


class Recorder:
    """Adds to the numbers of one worker, from any thread."""

    def __init__(self, numbers: Numbers) -> None:
        self.numbers = numbers
        self._starts: dict[_Key, int] = {}
        self._lock = threading.Lock()
        self._warned = False

    def add(self, metric: Metric, labels: tuple[str, ...], amount: float = 1.0) -> None:
        """Add to a counter."""
        key = (metric.name, labels)
        with self._lock:
            start = self._starts.get(key)
            if start is None and (start := self._find(metric, labels, key)) is None:
                return
            self.numbers.values[start] += amount

    def observe(self, metric: Metric, labels: tuple[str, ...], value: float) -> None:
        """Add a value to a histogram."""
        key = (metric.name, labels)
        with self._lock:
            start = self._starts.get(key)
            if start is None and (start := self._find(metric, labels, key)) is None:
                return
            values, buckets = self.numbers.values, metric.buckets
            values[start + bisect_left(buckets, value)] += 1.0
            values[start + len(buckets) + 1] += value

    def set(self, metric: Metric, labels: tuple[str, ...], value: float) -> None:
        """Set a gauge, or a counter that is counted elsewhere."""
        with self._lock:
            if (start := self._find(metric, labels, (metric.name, labels))) is not None:
                self.numbers.values[start] = value

    def get(self, metric: Metric, labels: tuple[str, ...]) -> float:
        """Return the value of a counter or gauge."""
        with self._lock:
            start = self._find(metric, labels, (metric.name, labels))
            return 0.0 if start is None else self.numbers.values[start]

    def close(self) -> None:
        """Let another worker have this one's place."""
        with self._lock:
            self.numbers.close()

    def _find(self, metric: Metric, labels: tuple[str, ...], key: _Key) -> int | None:
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
