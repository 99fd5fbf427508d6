"""The calls of a run under way, told from its events: its record has them only when it has ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

import orjson

from agentos.domain.event import Frame
from agentos.domain.run import Run
from agentos.domain.run_step import RunStep
from agentos.storage.interface import Storage


def live_steps(storage: Storage, run: Run) -> tuple[RunStep, ...]:
    """Return the calls that the events of a run tell of. The models have no names there; an open call has no duration.

    A model call begins where the run starts or resumes, and where the last tool of a turn has ended; it ends where a
    tool is called, and where the run pauses. Reads the whole log of the run.
    """
    told = _Told(run.started_at or run.created_at)
    last = 0
    while frames := storage.events.read(run.id, after=last):
        last = frames[-1].number
        told.add_all(frames)
    return tuple(told.steps)


class _Told:
    def __init__(self, started_at: datetime) -> None:
        self.steps: list[RunStep] = []
        self._started_at = started_at
        self._model: int | None = None
        self._tools: dict[str, int] = {}
        """The places of the open calls among the steps."""

    def add_all(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            if frame.type in ("token", "reasoning") and self._has_first_token():
                continue  # nearly all events are these, and need not be read
            event = orjson.loads(frame.data)
            self._add(frame.type, event.get("data") or {}, datetime.fromisoformat(event["timestamp"]))

    def _add(self, type: str, data: dict[str, Any], at: datetime) -> None:
        if type == "run_start":
            for place in (*self._tools.values(), *([] if self._model is None else [self._model])):
                self._end(place, at, "failed")
            self._tools.clear()
            self._begin_model(max(at, self._started_at))
        elif type == "resumed" and self._model is None and not self._tools:
            self._begin_model(at)
        elif type in ("token", "reasoning"):
            self._first_token(at)
        elif type == "tool_call":
            self._tool(data, at)
        elif type in ("paused", "complete", "error"):
            self._end_model(at)

    def _has_first_token(self) -> bool:
        return self._model is not None and self.steps[self._model].time_to_first_token is not None

    def _first_token(self, at: datetime) -> None:
        if self._model is None:
            self._begin_model(at)
        assert self._model is not None
        step = self.steps[self._model]
        took = max(0.0, (at - step.started_at).total_seconds())
        self.steps[self._model] = replace(step, time_to_first_token=took)

    def _tool(self, data: dict[str, Any], at: datetime) -> None:
        id = str(data.get("tool_call_id", ""))
        if data.get("status") == "started":
            self._end_model(at)
            self._tools[id] = self._begin("tool_call", at, tool_name=str(data.get("tool_name", "")), tool_call_id=id)
        elif (place := self._tools.pop(id, None)) is not None:
            self._end(place, at, "failed" if data.get("status") == "failed" else "completed")
            if not self._tools:
                self._begin_model(at)

    def _begin_model(self, at: datetime) -> None:
        self._model = self._begin("model_call", at)

    def _end_model(self, at: datetime) -> None:
        if self._model is not None:
            self._end(self._model, at, "completed")
            self._model = None

    def _begin(self, type: Literal["model_call", "tool_call"], at: datetime, **fields: Any) -> int:
        self.steps.append(RunStep(number=len(self.steps) + 1, type=type, status="started", started_at=at, **fields))
        return len(self.steps) - 1

    def _end(self, place: int, at: datetime, status: Literal["completed", "failed"]) -> None:
        step = self.steps[place]
        took = max(0.0, (at - step.started_at).total_seconds())
        self.steps[place] = replace(step, status=status, duration=took)
