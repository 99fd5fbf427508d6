"""Counts calls to models and tools, and what runs took when they end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from agentos import Run, RunStep, Step, ToolCallEvent, Usage
from agentos_metrics.labels import BoundedLabel
from agentos_metrics.metrics import (
    MODEL_CALLS,
    MODEL_FIRST_TOKEN,
    MODEL_RETRIES,
    MODEL_SECONDS,
    MODEL_SPEED,
    RUN_FIRST_TOKEN,
    TOKENS,
    TOOL_CALLS,
    TOOL_SECONDS,
    Metric,
)
from agentos_metrics.recorder import Recorder, TimedCounter

NO_MODEL = "none"
"""The model of tokens of agents that do not say which one they called."""

KINDS = ("prompt", "completion", "reasoning", "cached")


class CallCounter:
    """Counts with a recorder; ``cause`` returns what a label may say of a cause."""

    def __init__(
        self, recorder: Recorder, models: BoundedLabel, tools: BoundedLabel, cause: Callable[[object], str]
    ) -> None:
        self._recorder = recorder
        self._models = models
        self._tools = tools
        self._cause = cause
        self._counters: dict[tuple[str, ...], TimedCounter] = {}

    def call(self, call: Step | ToolCallEvent) -> None:
        """Count the end of a call."""
        if isinstance(call, Step):
            self._model_call(call)
        else:
            labels = (self._tools(call.tool_name), call.status)
            self._timed(TOOL_CALLS, labels, TOOL_SECONDS).record(call.duration or 0.0)

    def run(self, run: Run, agent: str) -> None:
        """Count what a run took that ended: its tokens, and the time to its first token."""
        for model, taken in tokens_by_model(run):
            label = self._models(model)
            for kind, tokens in zip(KINDS, taken, strict=True):
                if tokens:
                    self._recorder.add(TOKENS, (label, kind), tokens)
        first = next((step for step in run.steps if step.time_to_first_token is not None), None)
        if first is not None and first.time_to_first_token is not None:
            waited = (first.started_at - run.created_at).total_seconds()
            self._recorder.observe(RUN_FIRST_TOKEN, (agent,), max(0.0, waited) + first.time_to_first_token)

    def _model_call(self, step: Step) -> None:
        model = (self._models(step.model),)
        cause = "" if step.status == "completed" else self._cause(step.cause)
        self._timed(MODEL_CALLS, (*model, step.status, cause), MODEL_SECONDS).record(step.duration)
        if step.attempt > 1:
            self._recorder.add(MODEL_RETRIES, model)
        first = step.time_to_first_token
        if first is None:
            return
        self._recorder.observe(MODEL_FIRST_TOKEN, model, first)
        if step.usage is not None and step.usage.completion_tokens and step.duration > first:
            self._recorder.observe(MODEL_SPEED, model, step.usage.completion_tokens / (step.duration - first))

    def _timed(self, counter: Metric, labels: tuple[str, ...], histogram: Metric) -> TimedCounter:
        """Return what counts calls with these labels, and observes their durations by the first of them."""
        key = (counter.name, *labels)
        found = self._counters.get(key)
        if found is None:
            self._counters[key] = found = self._recorder.timed(counter, labels, histogram, labels[:1])
        return found


def tokens_by_model(run: Run) -> Iterable[tuple[str, tuple[int, ...]]]:
    """Return what each model took, in the order of :data:`KINDS`.

    The sum is what the run's row says, also where steps say less or more.

    A long run keeps some of its steps alone, and agents that are not ours may have none: the rest is of the run's
    model.
    """
    steps = [step for step in run.steps if step.type == "model_call" and step.usage is not None]
    if len(steps) == 1 and steps[0].usage == run.usage:  # as nearly always
        return [(steps[0].model or NO_MODEL, _kinds(run.usage))]
    return _shares(run, steps)


def _shares(run: Run, steps: Sequence[RunStep]) -> Iterator[tuple[str, tuple[int, ...]]]:
    left = _kinds(run.usage)
    for step in steps:
        if step.usage is not None:
            taken = tuple(map(min, _kinds(step.usage), left))
            left = tuple(one - other for one, other in zip(left, taken, strict=True))
            yield step.model or NO_MODEL, taken
    if any(left):
        yield run.model or NO_MODEL, left


def _kinds(usage: Usage) -> tuple[int, ...]:
    return usage.prompt_tokens, usage.completion_tokens, usage.reasoning_tokens, usage.cached_tokens or 0
