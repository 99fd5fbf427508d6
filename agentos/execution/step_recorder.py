"""Collects what a run's record keeps of its calls to models and tools, in a bounded size."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from agentos.domain.event import Step, ToolCallEvent
from agentos.domain.run_step import RunStep
from agentos.domain.text import clean, shorten
from agentos.domain.times import utc_now

MOST_STEPS = 100
"""Steps that a record keeps: the first half of them and the last."""

MOST_BYTES = 64 * 1024
"""Bytes of JSON that they may have together."""

MOST_CHARACTERS = 255  # of a name or an id


class StepRecorder:
    """Pairs the starts and ends of one run's calls. Not for several threads at once."""

    def __init__(self) -> None:
        self._count = 0
        self._open: dict[tuple[str, object], RunStep] = {}
        self._first: list[RunStep] = []
        self._last: deque[RunStep] = deque(maxlen=MOST_STEPS - MOST_STEPS // 2)

    def add_model_call(self, step: Step) -> None:
        """Take in that a call to a model started or ended."""
        key = (step.model, step.attempt)
        if step.status == "started":
            self._start(key, type="model_call", started_at=step.started_at, model=step.model, attempt=step.attempt)
            return
        self._end(
            key,
            type="model_call",
            status=step.status,
            started_at=step.started_at,
            duration=step.duration,
            model=step.model,
            attempt=step.attempt,
            time_to_first_token=None if step.time_to_first_token is None else round(step.time_to_first_token, 6),
            finish_reason=step.finish_reason,
            usage=step.usage,
            cause=step.cause,
        )

    def add_tool_call(self, event: ToolCallEvent) -> None:
        """Take in that a call to a tool started or ended."""
        name, id = (shorten(clean(str(one)), MOST_CHARACTERS) for one in (event.tool_name, event.tool_call_id))
        same: dict[str, Any] = {"type": "tool_call", "tool_name": name, "tool_call_id": id}
        if event.status == "started":
            self._start(("", id), started_at=None, **same)
        else:
            self._end(("", id), status=event.status, started_at=None, duration=event.duration, **same)

    def ended(self, cause: str | None) -> tuple[RunStep, ...]:
        """Return the steps at the end of the run; those that are open were ended by ``cause``, if there is one."""
        now = utc_now()
        for step in self._open.values():
            if cause is not None:
                took = _seconds(step.started_at, now)
                step = replace(step, status="failed", cause=cause, duration=took)
            self._keep(step)
        self._open.clear()
        return _within(sorted([*self._first, *self._last], key=lambda step: step.number), MOST_BYTES)

    def _start(self, key: tuple[str, object], *, started_at: datetime | None, **fields: Any) -> None:
        self._count += 1
        if len(self._open) < MOST_STEPS:  # an agent that is not ours may never say how they ended
            begun = started_at or utc_now()
            self._open[key] = RunStep(number=self._count, status="started", started_at=begun, **fields)

    def _end(self, key: tuple[str, object], *, started_at: datetime | None, duration: Any, **fields: Any) -> None:
        opened = self._open.pop(key, None)
        if opened is None:
            self._count += 1
        now = utc_now()
        if duration is None:
            duration = 0.0 if opened is None else _seconds(opened.started_at, now)
        if started_at is None:  # a tool may have waited for its place since its event
            started_at = now - timedelta(seconds=duration)
        number = self._count if opened is None else opened.number
        self._keep(RunStep(number=number, started_at=started_at, duration=round(duration, 6), **fields))

    def _keep(self, step: RunStep) -> None:
        if len(self._first) < MOST_STEPS // 2:
            self._first.append(step)
        else:
            self._last.append(step)


def _seconds(start: datetime, end: datetime) -> float:
    return max(0.0, (end - start).total_seconds())


def _within(steps: list[RunStep], most: int) -> tuple[RunStep, ...]:
    """Return steps without those in the middle that are too much; a plain run has one or two, which surely fit."""
    if len(steps) > 16:
        sizes = [len(json.dumps(step.to_dict())) for step in steps]
        while sum(sizes) > most:
            middle = len(steps) // 2
            del steps[middle], sizes[middle]
    return tuple(steps)
