"""Adds up the numbers of all workers and writes them as text for Prometheus."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family

from agentos import __version__
from agentos_metrics.backlog import Gauges
from agentos_metrics.metrics import ALL, OF_DEPLOYMENT, Metric
from agentos_metrics.places import Reading

_Sums = Mapping[tuple[str, tuple[str, ...]], Sequence[float]]


def render(readings: Sequence[Reading], backlog: Gauges, accept: str) -> tuple[bytes, str]:
    """Return the text and its media type: of the formats that a client accepts, OpenMetrics or Prometheus' own."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(readings, backlog))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Collector:
    def __init__(self, readings: Sequence[Reading], backlog: Gauges) -> None:
        self._readings = readings
        self._backlog = backlog

    def describe(self) -> Iterable[Family]:
        """Name nothing: there is no other collector that could have the same names."""
        return ()

    def collect(self) -> Iterator[Family]:
        """Yield all metrics. Counters and histograms are those of all workers that ever were, gauges of live ones."""
        yield InfoMetricFamily("agentos", "The server.", {"version": __version__, "python": platform.python_version()})
        live = sum(reading.live for reading in self._readings)
        yield GaugeMetricFamily("agentos_workers", "Workers that serve now.", value=live)
        for metric in OF_DEPLOYMENT:
            if metric in self._backlog:
                yield GaugeMetricFamily(metric.name, metric.help, value=self._backlog[metric])
        sums = _add_up(self._readings)
        for metric in ALL:
            time.sleep(0)  # thousands of series take a tenth of a second; other requests have their turns meanwhile
            yield _family(metric, sums)


def _add_up(readings: Sequence[Reading]) -> _Sums:
    declared = {metric.name: metric for metric in ALL}
    sums: dict[tuple[str, tuple[str, ...]], list[float]] = {}
    for reading in readings:
        for series, numbers in reading.numbers:
            metric = declared.get(series.metric)
            # After a reload with new code, an old worker's files may have what this one does not know.
            if metric is None or (series.kind, series.width, series.buckets, len(series.labels)) != (
                metric.kind,
                metric.width,
                metric.buckets,
                len(metric.labels),
            ):
                continue
            if series.kind == "gauge" and not reading.live:
                continue
            key = (series.metric, series.labels)
            known = sums.get(key)
            sums[key] = list(numbers) if known is None else [a + b for a, b in zip(known, numbers, strict=True)]
    return sums


def _family(metric: Metric, sums: _Sums) -> Family:
    rows = sorted((labels, numbers) for (name, labels), numbers in sums.items() if name == metric.name)
    if metric.kind == "histogram":
        histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        for labels, numbers in rows:
            histogram.add_metric(labels, _cumulative(metric, numbers), numbers[-1])
        return histogram
    make = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = make(metric.name, metric.help, labels=metric.labels)
    for labels, numbers in rows:
        family.add_metric(labels, numbers[0])
    return family


def _cumulative(metric: Metric, numbers: Sequence[float]) -> list[tuple[str, float]]:
    total, buckets = 0.0, []
    for bound, number in zip((*map(str, metric.buckets), "+Inf"), numbers[:-1], strict=True):
        total += number
        buckets.append((bound, total))
    return buckets
