"""The metrics of the conventions for generative AI."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import lru_cache

from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    Metric,
    NumberDataPoint,
    Sum,
)

from agentos import Run, RunStep
from agentos_otel import names
from agentos_otel.described import error_type, model_name, provider_name, step_error
from agentos_otel.histograms import Histogram, Key

MOST_VALUES = 200
"""Values of an attribute that clients can choose (agents, models, tools); further ones are ``other`` together."""

SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
FIRST_CHUNK = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)


class RunMetrics:
    """What runs took. ``dropped`` returns how many spans were dropped so far."""

    def __init__(self, dropped: Callable[[], int]) -> None:
        self._dropped = dropped
        self._began = time.time_ns()
        self._tokens = Histogram("gen_ai.client.token.usage", "{token}", "Tokens that a call to a model took.", TOKENS)
        self._model = _seconds("gen_ai.client.operation.duration", "Seconds of a call to a model.")
        self._first = Histogram(
            "gen_ai.client.operation.time_to_first_chunk", "s", "Seconds until a model sent anything.", FIRST_CHUNK
        )
        self._run = _seconds("gen_ai.invoke_agent.duration", "Seconds of a run, from its admission to its end.")
        self._tool = _seconds("gen_ai.execute_tool.duration", "Seconds of a call of a tool.")
        self._known: dict[str, set[str]] = {}
        self._key = lru_cache(maxsize=1024)(self._bounded_key)  # which is the same for the same attributes, always

    def record(self, run: Run) -> None:
        """Record a run that has ended."""
        provider = provider_name(run.model) or "agentos"
        self._run.record(
            run.duration or 0.0,
            self._key(
                (names.OPERATION, "invoke_agent"),
                (names.PROVIDER, provider),
                (names.AGENT_NAME, run.agent_id),
                (names.ERROR_TYPE, error_type(run)),
            ),
        )
        for step in run.steps:
            if step.duration is None:
                continue
            if step.type == "tool_call":
                tool = ((names.TOOL_NAME, step.tool_name), (names.ERROR_TYPE, step_error(step)))
                self._tool.record(step.duration, self._key((names.OPERATION, "execute_tool"), *tool))
            else:
                self._record_model_call(step, step.duration)

    def messages(self) -> Iterable[Metric]:
        """Return all metrics as they are now."""
        for histogram in (self._tokens, self._model, self._first, self._run, self._tool):
            yield histogram.message()
        point = NumberDataPoint(start_time_unix_nano=self._began, time_unix_nano=time.time_ns(), as_int=self._dropped())
        counter = Sum(
            data_points=[point], aggregation_temporality=AGGREGATION_TEMPORALITY_CUMULATIVE, is_monotonic=True
        )
        yield Metric(name="agentos.spans.dropped", unit="{span}", description="Spans that were dropped.", sum=counter)

    def _record_model_call(self, step: RunStep, duration: float) -> None:
        key = self._key(
            (names.OPERATION, "chat"),
            (names.PROVIDER, provider_name(step.model)),
            (names.REQUEST_MODEL, model_name(step.model)),
            (names.ERROR_TYPE, step_error(step)),
        )
        self._model.record(duration, key)
        if step.time_to_first_token is not None:
            self._first.record(step.time_to_first_token, key)
        if step.usage is not None:
            for kind, count in (("input", step.usage.prompt_tokens), ("output", step.usage.completion_tokens)):
                if count is not None:
                    self._tokens.record(count, (*key, (names.TOKEN_TYPE, kind)))

    def _bounded_key(self, *attributes: tuple[str, str | None]) -> Key:
        return tuple((name, self._bounded(name, value)) for name, value in attributes if value is not None)

    def _bounded(self, name: str, value: str) -> str:
        known = self._known.setdefault(name, set())
        if value in known:
            return value
        if len(known) >= MOST_VALUES:
            return "other"
        known.add(value)
        return value


def _seconds(name: str, description: str) -> Histogram:
    return Histogram(name, "s", description, SECONDS)
