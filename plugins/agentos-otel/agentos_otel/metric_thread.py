"""Sends the metrics every minute, and at the end."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics, ScopeMetrics
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from agentos_otel.run_metrics import RunMetrics
from agentos_otel.sender import Sender
from agentos_otel.values import SCOPE
from agentos_otel.variables import number


class MetricThread:
    """Sends what was recorded. They add up from the begin of the process, so one that is lost is in the next."""

    def __init__(self, metrics: RunMetrics, sender: Sender, resource: Resource, environ: Mapping[str, str]) -> None:
        self._metrics = metrics
        self._sender = sender
        self._resource = resource
        self._interval = number(environ, "OTEL_METRIC_EXPORT_INTERVAL", 60_000) / 1000
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="otel-metrics", daemon=True)
        self._thread.start()

    def close(self, seconds: float) -> None:
        """Send what there is, and end, within these seconds."""
        self._sender.close()
        self._closing.set()
        self._thread.join(seconds)

    def _work(self) -> None:
        while not self._closing.wait(self._interval):
            self._send()
        self._send()

    def _send(self) -> None:
        metrics = list(self._metrics.messages())
        scope = ScopeMetrics(scope=SCOPE, metrics=metrics)
        resource = ResourceMetrics(resource=self._resource, scope_metrics=[scope])
        request = ExportMetricsServiceRequest(resource_metrics=[resource])
        self._sender.send(request.SerializeToString(), len(metrics))
