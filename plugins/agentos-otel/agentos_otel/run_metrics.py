"""The metrics of the conventions for generative AI, sent every minute (``OTEL_METRIC_EXPORT_INTERVAL``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from opentelemetry.metrics import CallbackOptions, Histogram, Meter, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    ConsoleMetricExporter,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.util.types import AttributeValue

from agentos import Run, RunStep, __version__
from agentos_otel import names
from agentos_otel.outages import Outages
from agentos_otel.span_maker import attributes_of, error_type, provider_name
from agentos_otel.switches import Exporter

MOST_VALUES = 200
"""Values of an attribute that clients can choose (agents, models, tools); further ones are ``other`` together."""

SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
FIRST_CHUNK = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
OF_CALLS = (names.OPERATION, names.PROVIDER, names.REQUEST_MODEL, names.TOOL_NAME, names.ERROR_TYPE)


class RunMetrics:
    """Records what runs took. ``dropped`` returns how many spans were dropped so far."""

    def __init__(self, exporter: Exporter, resource: Resource, dropped: Callable[[], int]) -> None:
        reader = PeriodicExportingMetricReader(_exporter(exporter))
        self._provider = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
        meter = self._provider.get_meter("agentos", __version__)
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            "{token}",
            "Tokens that a call to a model took.",
            explicit_bucket_boundaries_advisory=TOKENS,
        )
        self._model = _seconds(meter, "gen_ai.client.operation.duration", "Seconds of a call to a model.")
        self._first = _seconds(
            meter,
            "gen_ai.client.operation.time_to_first_chunk",
            "Seconds until a model sent its first piece.",
            FIRST_CHUNK,
        )
        self._run = _seconds(meter, "gen_ai.invoke_agent.duration", "Seconds of a run, from its admission to its end.")
        self._tool = _seconds(meter, "gen_ai.execute_tool.duration", "Seconds of a call of a tool.")
        self._known: dict[str, set[AttributeValue]] = {}

        def count(_: CallbackOptions) -> Sequence[Observation]:
            return [Observation(dropped())]

        meter.create_observable_counter("agentos.spans.dropped", [count], "{span}", "Spans that were dropped.")

    def record(self, run: Run) -> None:
        """Record a run that has ended."""
        attributes: dict[str, AttributeValue | None] = {
            names.OPERATION: "invoke_agent",
            names.PROVIDER: provider_name(run.model) or "agentos",
            names.AGENT_NAME: run.agent_id,
            names.ERROR_TYPE: error_type(run),
        }
        self._run.record(run.duration or 0.0, self._bounded(attributes))
        for step in run.steps:
            self._record_step(step, run)

    def close(self, seconds: float) -> None:
        """Send what was recorded, and end."""
        self._provider.shutdown(timeout_millis=seconds * 1000)

    def _record_step(self, step: RunStep, run: Run) -> None:
        if step.duration is None:
            return
        said = attributes_of(step, run)
        attributes = self._bounded({name: said.get(name) for name in OF_CALLS})
        if step.type == "tool_call":
            self._tool.record(step.duration, attributes)
            return
        self._model.record(step.duration, attributes)
        if step.time_to_first_token is not None:
            self._first.record(step.time_to_first_token, attributes)
        if step.usage is not None:
            for kind, count in (("input", step.usage.prompt_tokens), ("output", step.usage.completion_tokens)):
                if count is not None:
                    self._tokens.record(count, {**attributes, names.TOKEN_TYPE: kind})

    def _bounded(self, attributes: Mapping[str, AttributeValue | None]) -> dict[str, AttributeValue]:
        found: dict[str, AttributeValue] = {}
        for name, value in attributes.items():
            if value is None:
                continue
            known = self._known.setdefault(name, set())
            if value not in known:
                if len(known) >= MOST_VALUES:
                    value = "other"
                else:
                    known.add(value)
            found[name] = value
        return found


def _seconds(meter: Meter, name: str, help: str, buckets: Sequence[float] = SECONDS) -> Histogram:
    return meter.create_histogram(name, "s", help, explicit_bucket_boundaries_advisory=buckets)


def _exporter(exporter: Exporter) -> MetricExporter:
    if exporter == "console":
        return ConsoleMetricExporter()
    from opentelemetry.exporter.otlp.proto.http import metric_exporter  # Late: only what is used is loaded.

    outages = Outages("metrics", metric_exporter.__name__)

    class Reporting(metric_exporter.OTLPMetricExporter):
        """Says once that metrics cannot be sent."""

        def export(
            self, metrics_data: MetricsData, timeout_millis: float | None = 10_000, **options: object
        ) -> MetricExportResult:
            result = super().export(metrics_data, timeout_millis, **options)
            if result is MetricExportResult.SUCCESS:
                outages.over()
            else:
                outages.dropped(1)
            return result

    return Reporting()
