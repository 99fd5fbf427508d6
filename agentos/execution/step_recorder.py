"""Collects what a run's record keeps of its calls to models and tools, in a bounded size."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, Literal, NamedTuple

import orjson

from agentos.domain.event import Step, ToolCallEvent
from agentos.domain.run_step import RunStep
from agentos.domain.text import clean, shorten
from agentos.domain.times import utc_now
from agentos.execution.checks import are_seconds

MOST_STEPS = 100
"""Steps that a record keeps: the first half of them and the last."""

MOST_BYTES = 64 * 1024
"""Bytes of JSON that they may have together."""

FEW = 16
"""Steps that surely have not more."""

MOST_ARGUMENTS = 2048
"""Bytes of JSON up to which a record keeps the arguments of a call that a remembered decision decided."""

MOST_CHARACTERS = 255  # of a name or an id


class _Open(NamedTuple):
    """A call that has started."""

    number: int
    begun: datetime
    event: Step | ToolCallEvent


class StepRecorder:
    """Pairs the starts and ends of one run's calls. Not for several threads at once."""

    def __init__(self, saved: Sequence[RunStep] = ()) -> None:
        self._count = 0
        self._open: dict[tuple[str, object], _Open] = {}
        self._first: list[RunStep] = []
        self._last: deque[RunStep] = deque(maxlen=MOST_STEPS - MOST_STEPS // 2)
        self._taken: set[int] = set()
        """The numbers of the steps that a checkpoint has."""
        for step in saved:
            self._restore(step)

    def add(self, event: Step | ToolCallEvent) -> None:
        """Take in that a call started or ended."""
        key = (event.model, event.attempt) if isinstance(event, Step) else ("", event.tool_call_id)
        if event.status == "started":
            self._count += 1
            if len(self._open) < MOST_STEPS:  # an agent that is not ours may never say how they ended
                begun = event.started_at if isinstance(event, Step) else None
                self._open[key] = _Open(self._count, begun or utc_now(), event)
            return
        opened = self._open.pop(key, None)
        if opened is None:
            self._count += 1
        number = self._count if opened is None else opened.number
        begun = None if opened is None else opened.begun
        self._keep(_model_call(number, event) if isinstance(event, Step) else _tool_call(number, event, begun))

    def ended(self, cause: str | None) -> tuple[RunStep, ...]:
        """Return the steps at the end of the run; those that are open were ended by ``cause``, if there is one."""
        if self._open:
            self._end_open(cause)
        steps = sorted([*self._first, *self._last], key=attrgetter("number"))
        return tuple(steps) if len(steps) <= FEW else _within(steps, MOST_BYTES)

    def take(self, *, open_calls: bool = False) -> tuple[RunStep, ...]:
        """Return the steps that ended since this was called before; with ``open_calls``, also the open tool calls."""
        ended = [step for step in (*self._first, *self._last) if step.number not in self._taken]
        self._taken.update(step.number for step in ended)
        if open_calls:
            for number, begun, event in self._open.values():
                if not isinstance(event, Step):
                    ended.append(replace(_tool_call(number, event, begun), status="started", duration=None))
        return tuple(sorted(ended, key=attrgetter("number")))

    def _restore(self, step: RunStep) -> None:
        """Take in a step of a checkpoint. A tool call that had only started was given up, or asked a question."""
        self._count = max(self._count, step.number)
        if step.status == "started":
            event = ToolCallEvent(step.tool_call_id or "", step.tool_name or "", {}, "started")
            self._open["", event.tool_call_id] = _Open(step.number, step.started_at, event)
            return
        for key in [key for key, opened in self._open.items() if opened.number == step.number]:
            del self._open[key]  # it was open at a pause, and ended after it
        self._taken.add(step.number)
        self._keep(step)

    def _end_open(self, cause: str | None) -> None:
        now = utc_now()
        for number, begun, event in self._open.values():
            step = _model_call(number, event) if isinstance(event, Step) else _tool_call(number, event, begun)
            took = None if cause is None else _seconds(begun, now)
            status: Literal["started", "failed"] = "started" if cause is None else "failed"
            self._keep(replace(step, status=status, started_at=begun, duration=took, cause=cause))
        self._open.clear()

    def _keep(self, step: RunStep) -> None:
        if len(self._first) < MOST_STEPS // 2:
            self._first.append(step)
        else:
            self._last.append(step)


def _model_call(number: int, step: Step) -> RunStep:
    first = step.time_to_first_token
    return RunStep(
        number=number,
        type="model_call",
        status=step.status,
        started_at=step.started_at or utc_now() - timedelta(seconds=step.duration),
        duration=round(step.duration, 6),
        model=step.model,
        attempt=step.attempt,
        time_to_first_token=None if first is None else round(first, 6),
        finish_reason=step.finish_reason,
        usage=step.usage,
        cause=step.cause,
    )


def _tool_call(number: int, event: ToolCallEvent, begun: datetime | None) -> RunStep:
    now = utc_now()
    duration = event.duration
    if are_seconds(duration):  # it may have waited for its place since its first event
        begun = now - timedelta(seconds=duration)
    else:
        duration = _seconds(begun or now, now)
    return RunStep(
        number=number,
        type="tool_call",
        status="failed" if event.status == "failed" else "completed",
        started_at=begun or now,
        duration=round(duration, 6),
        tool_name=shorten(clean(str(event.tool_name)), MOST_CHARACTERS),
        tool_call_id=shorten(clean(str(event.tool_call_id)), MOST_CHARACTERS),
        remembered=None if event.remembered is None else _remembered(event.remembered, event.arguments),
    )


def _remembered(decision: Mapping[str, Any], arguments: Any) -> Mapping[str, Any]:
    """Return a remembered decision with the arguments of the call that it decided, unless these are long."""
    short = len(orjson.dumps(arguments)) <= MOST_ARGUMENTS
    return {**decision, "arguments": arguments} if short else decision


def _seconds(start: datetime, end: datetime) -> float:
    return max(0.0, (end - start).total_seconds())


def _within(steps: list[RunStep], most: int) -> tuple[RunStep, ...]:
    """Return steps without those in the middle that are too much."""
    sizes = [len(orjson.dumps(step)) for step in steps]
    while sum(sizes) > most:
        middle = len(steps) // 2
        del steps[middle], sizes[middle]
    return tuple(steps)
