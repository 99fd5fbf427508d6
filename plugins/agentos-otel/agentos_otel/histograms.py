"""Histograms: how often values were in each of some ranges, by attributes."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Sequence

from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    HistogramDataPoint,
    Metric,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Histogram as HistogramMessage,
)

from agentos_otel.values import Value, add_attributes

Key = tuple[tuple[str, Value], ...]
"""Names and values of attributes."""


class _Series:
    __slots__ = ("counts", "sum")

    def __init__(self, buckets: int) -> None:
        self.counts = [0] * buckets
        self.sum = 0.0


class Histogram:
    """One metric. ``bounds`` are the upper ends of its ranges, inclusive; above the last there is one more."""

    def __init__(self, name: str, unit: str, description: str, bounds: Sequence[float]) -> None:
        self._name, self._unit, self._description = name, unit, description
        self._bounds = bounds
        self._series: dict[Key, _Series] = {}
        self._began = time.time_ns()
        self._lock = threading.Lock()

    def record(self, value: float, key: Key) -> None:
        """Count a value."""
        with self._lock:
            series = self._series.get(key)
            if series is None:
                self._series[key] = series = _Series(len(self._bounds) + 1)
            series.counts[bisect_left(self._bounds, value)] += 1
            series.sum += value

    def message(self) -> Metric:
        """Return what was counted since the process began."""
        now = time.time_ns()
        points = []
        with self._lock:
            for key, series in self._series.items():
                point = HistogramDataPoint(
                    start_time_unix_nano=self._began,
                    time_unix_nano=now,
                    count=sum(series.counts),
                    sum=series.sum,
                    bucket_counts=series.counts,
                    explicit_bounds=self._bounds,
                )
                add_attributes(point.attributes, dict(key))
                points.append(point)
        data = HistogramMessage(data_points=points, aggregation_temporality=AGGREGATION_TEMPORALITY_CUMULATIVE)
        return Metric(name=self._name, unit=self._unit, description=self._description, histogram=data)
