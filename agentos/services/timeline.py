"""The time of a run: waiting for its turn, calls to models and tools, pauses. What the API, commands and pages show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from agentos.domain.pending import PendingAction
from agentos.domain.run import Run, RunStatus
from agentos.domain.run_step import RunStep

SpanKind = Literal["queue", "model_call", "tool_call", "pause"]

LEAST_QUEUE = 0.02
"""Seconds below which a run did not wait for its turn: it was begun at once, and that took so long."""


MILLISECOND = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A part of a run's time. ``start`` is in seconds from the run's admission; ``duration`` is in seconds.

    ``duration`` is ``None`` while it lasts. A call has its ``step``, and a pause the ``actions`` that it waited for.
    """

    kind: SpanKind
    status: Literal["started", "completed", "failed"]
    start: float
    duration: float | None = None
    step: RunStep | None = None
    actions: tuple[PendingAction, ...] = ()

    @property
    def name(self) -> str | None:
        """The model or tool that was called."""
        return None if self.step is None else self.step.model or self.step.tool_name

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form that is shown: what has a value."""
        shown: dict[str, Any] = {"kind": self.kind, "status": self.status, "start": round(self.start, 6)}
        if self.duration is not None:
            shown["duration"] = round(self.duration, 6)
        if self.step is not None:
            found: dict[str, Any] = {"name": self.name, "step": self.step.number, "attempt": self.step.attempt}
            found |= {"time_to_first_token": self.step.time_to_first_token, "cause": self.step.cause}
            shown |= {name: value for name, value in found.items() if value is not None}
        if self.actions:
            shown["action_ids"] = [action.id for action in self.actions]
        return shown


def timeline_of(run: Run, actions: Sequence[PendingAction]) -> list[Span]:
    """Return the spans of a run by their starts; ``actions`` are all that it has waited for. Calls come from its steps.

    What had no answer when its run ended is not kept, and its wait is not in it.
    """
    spans = [*_queue(run), *_pauses(run, actions), *(_call(run, step) for step in run.steps)]
    # The database's clock, which dates pauses, may count milliseconds; the call that caused one comes before it.
    return sorted(spans, key=lambda span: span.start + (MILLISECOND if span.kind == "pause" else 0.0))


def timing_of(spans: Iterable[Span]) -> dict[str, Any]:
    """Return the sums of a timeline: seconds of waiting, seconds to the first token, numbers of calls and retries."""
    spans = list(spans)
    models = [span for span in spans if span.kind == "model_call"]
    tools = [span for span in spans if span.kind == "tool_call"]
    firsts = [
        span.start + span.step.time_to_first_token
        for span in models
        if span.step is not None and span.step.time_to_first_token is not None
    ]
    return {
        "queued": _sum(spans, "queue"),
        "paused": _sum(spans, "pause"),
        "time_to_first_token": round(min(firsts), 6) if firsts else None,
        "model_calls": len(models),
        "retries": sum(1 for span in models if span.step is not None and (span.step.attempt or 1) > 1),
        "tool_calls": len(tools),
        "failed_tool_calls": sum(1 for span in tools if span.status == "failed"),
    }


def child_json(run: Run, child: Run) -> dict[str, Any]:
    """Return what the record of a run shows of one that it made; ``start`` is in seconds from the run's admission."""
    shown: dict[str, Any] = {
        "run_id": child.id,
        "agent_id": child.agent_id,
        "status": child.status.value,
        "start": round(_seconds(run.created_at, child.created_at), 6),
    }
    return shown if child.duration is None else {**shown, "duration": child.duration}


def _sum(spans: Iterable[Span], kind: SpanKind) -> float:
    """Return the seconds of the waits that are over."""
    return round(sum(span.duration or 0.0 for span in spans if span.kind == kind), 6)


def _queue(run: Run) -> Iterator[Span]:
    if run.started_at is not None:
        took = _seconds(run.created_at, run.started_at)
        if took >= LEAST_QUEUE:
            yield Span(kind="queue", status="completed", start=0.0, duration=took)
    elif run.status is RunStatus.QUEUED:
        yield Span(kind="queue", status="started", start=0.0)
    elif run.ended_at is not None:  # its turn never came
        yield Span(kind="queue", status="failed", start=0.0, duration=_seconds(run.created_at, run.ended_at))


def _call(run: Run, step: RunStep) -> Span:
    return Span(
        kind=step.type,
        status=step.status,
        start=_seconds(run.created_at, step.started_at),
        duration=step.duration,
        step=step,
    )


def _pauses(run: Run, actions: Sequence[PendingAction]) -> list[Span]:
    """Return one span for what was waited for at the same time."""
    pauses: list[Span] = []
    for action in sorted(actions, key=lambda one: one.created_at):
        answered_at = None if action.answer is None else action.answer.answered_at
        end = answered_at or run.ended_at
        start = _seconds(run.created_at, action.created_at)
        duration = None if end is None else _seconds(action.created_at, end)
        last = pauses[-1] if pauses else None
        if last is not None and (last.duration is None or start < last.start + last.duration):
            open_end = duration is None or last.duration is None
            longest = None if open_end else max(last.duration or 0.0, start + (duration or 0.0) - last.start)
            status: Literal["started", "completed"] = "started" if open_end else "completed"
            pauses[-1] = replace(last, status=status, duration=longest, actions=(*last.actions, action))
        else:
            status = "started" if duration is None else "completed"
            pauses.append(Span(kind="pause", status=status, start=start, duration=duration, actions=(action,)))
    return pauses


def _seconds(start: datetime, end: datetime) -> float:
    return max(0.0, (end - start).total_seconds())
