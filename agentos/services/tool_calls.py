"""The tool calls of a run, for people who want to know what it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from agentos.domain.event import Paused, Reasoning, RunStart, Token, ToolCallEvent
from agentos.domain.run import Run
from agentos.storage.interface import Storage

PAGE = 200
"""Messages that are read at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallRecord:
    """One call: ``status`` as its events say it; ``None``, and no ``duration``, where the events are not kept any more.

    ``arguments`` are an object, or the text that the model wrote.
    """

    id: str
    name: str
    arguments: Any
    status: str | None = None
    duration: float | None = None
    error: str | None = None


def tool_calls_of(storage: Storage, run: Run) -> list[ToolCallRecord]:
    """Return the calls in the order of their starts: from the run's events or, later, from its session's messages."""
    calls = _from_events(storage, run)
    return _from_messages(storage, run) if calls is None else calls


def _from_events(storage: Storage, run: Run) -> list[ToolCallRecord] | None:
    last = 0
    told = _CallsOfEvents()
    while frames := storage.events.read(run.id, after=last):
        last = frames[-1].number
        for frame in frames:
            if frame.type == ToolCallEvent.type:
                told.add(orjson.loads(frame.data)["data"])
            elif frame.type == RunStart.type:
                told.start_over(orjson.loads(frame.data)["data"].get("kept_turns", 0))
            elif frame.type == Paused.type:
                told.pause()
            elif frame.type in (Token.type, Reasoning.type):
                told.begin_turn_after_results()
    return told.calls if last else None


class _CallsOfEvents:
    """Tells calls apart by their turns: models use an id again, and a worker that takes a run over keeps some turns."""

    def __init__(self) -> None:
        self._turns: list[list[ToolCallRecord]] = [[]]
        self._results = False

    @property
    def calls(self) -> list[ToolCallRecord]:
        return [call for turn in self._turns for call in turn]

    def add(self, data: dict[str, Any]) -> None:
        record = ToolCallRecord(
            id=data["tool_call_id"],
            name=data["tool_name"],
            arguments=data["arguments"],
            status=data["status"],
            duration=data.get("duration"),
            error=data.get("error"),
        )
        if record.status == "started":
            self.begin_turn_after_results()
        else:
            self._results = True
        turn = self._turns[-1]
        for number, one in enumerate(turn):
            if one.id == record.id:
                turn[number] = record
                return
        turn.append(record)

    def start_over(self, kept_turns: int) -> None:
        """Forget the turns that do not count."""
        del self._turns[kept_turns:]
        self._results = bool(self._turns)
        if not self._turns:
            self._turns.append([])

    def pause(self) -> None:
        """Let the calls that follow be of the same turn: they had to wait."""
        self._results = False

    def begin_turn_after_results(self) -> None:
        if self._results and all(call.status != "started" for call in self._turns[-1]):
            self._turns.append([])
            self._results = False


def _from_messages(storage: Storage, run: Run) -> list[ToolCallRecord]:
    if run.session_id is None:
        return []
    calls: list[ToolCallRecord] = []
    before: int | None = None
    while before != 1:
        messages = storage.sessions.history(run.session_id, owner=run.owner, limit=PAGE, before=before).messages
        found = [call for one in messages if one.run_id == run.id for call in one.message.tool_calls]
        calls[:0] = [ToolCallRecord(id=call.id, name=call.name, arguments=_parsed(call.arguments)) for call in found]
        if not messages or (calls and messages[0].run_id != run.id):  # the page has the run's first message
            break
        before = messages[0].sequence
    return calls


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
