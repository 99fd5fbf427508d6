"""A run that has ended or is paused, as a test looks at it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentos.domain.event import Frame
    from agentos.domain.pending import PendingAction
    from agentos.domain.run import Run, RunError, RunStatus
    from agentos.domain.usage import Usage
    from agentos.models.request import ModelRequest
    from agentos.storage.interface import Storage


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a run, out of its envelope. ``number`` is its place in the stream, counted from 1."""

    type: str
    data: Mapping[str, Any]
    number: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedToolCall:
    """One call of a tool.

    ``status`` is ``completed``, ``failed``, or ``started`` where the run ended before the call. ``arguments`` are an
    object, or the model's text where that is no JSON. ``result`` and ``error`` are what the model reads.
    """

    name: str
    arguments: Any
    status: str
    result: str | None = None
    error: str | None = None
    duration: float | None = None
    id: str = ""


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """What :func:`~agentos.testing.run_agent` returns.

    ``events`` are those of its stream, ``requests`` what the script was asked, one for each call of the model.
    ``exception`` is what an agent that is no :class:`~agentos.Agent` raised: its clients read only that it failed.
    ``run`` is the whole run, as it is saved.
    """

    run: Run = field(repr=False)
    events: tuple[Event, ...] = field(repr=False)
    requests: tuple[ModelRequest, ...] = field(default=(), repr=False)
    exception: BaseException | None = None
    storage: Storage | None = field(default=None, repr=False, compare=False)
    """Where its session is, for a run ``after`` this one."""

    @property
    def id(self) -> str:
        """The run's id."""
        return self.run.id

    @property
    def session_id(self) -> str | None:
        """The session that it ran in."""
        return self.run.session_id

    @property
    def status(self) -> RunStatus:
        """``completed``, ``failed`` or ``cancelled``; or ``paused``."""
        return self.run.status

    @property
    def content(self) -> str:
        """The answer, or what there was of it."""
        return self.run.content or ""

    @property
    def reasoning(self) -> str | None:
        """What the model thought."""
        return self.run.reasoning

    @property
    def error(self) -> RunError | None:
        """Why it did not complete, with ``code``, ``message`` and ``details``."""
        return self.run.error

    @property
    def pending(self) -> tuple[PendingAction, ...]:
        """What a paused run waits for."""
        return self.run.pending

    @property
    def usage(self) -> Usage:
        """The tokens that it took."""
        return self.run.usage

    @property
    def tokens(self) -> list[str]:
        """The pieces of text in the order in which they were streamed."""
        return [event.data["token"] for event in self.events if event.type == "token"]

    @property
    def tool_calls(self) -> list[FinishedToolCall]:
        """The calls of tools, in the order of their starts."""
        calls: list[FinishedToolCall] = []
        for event in self.events:
            if event.type == "tool_call":
                _add(calls, event.data)
        return calls

    def __repr__(self) -> str:
        shown = f"<FinishedRun {self.status.value}: {self.content!r:.200}"
        if self.error is not None:
            shown += f", {self.error.code}: {self.error.message}"
        return f"{shown}>" if self.exception is None else f"{shown}, raised {self.exception!r:.200}>"


def events_of(frames: Iterable[Frame]) -> tuple[Event, ...]:
    """Return what frames say."""
    return tuple(Event(frame.type, json.loads(frame.data)["data"], frame.number) for frame in frames)


def _add(calls: list[FinishedToolCall], data: Mapping[str, Any]) -> None:
    call = FinishedToolCall(
        id=data["tool_call_id"],
        name=data["tool_name"],
        arguments=data["arguments"],
        status=data["status"],
        result=data.get("result"),
        error=data.get("error"),
        duration=data.get("duration"),
    )
    if call.status != "started":
        for number, one in enumerate(calls):  # models use an id again in a later turn
            if (one.id, one.status) == (call.id, "started"):
                calls[number] = call
                return
    calls.append(call)
