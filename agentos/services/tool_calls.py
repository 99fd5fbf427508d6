"""The tool calls of a run, for people who want to know what it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from agentos.domain.event import RunStart, ToolCallEvent
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
    calls: list[ToolCallRecord] = []
    while frames := storage.events.read(run.id, after=last):
        last = frames[-1].number
        for frame in frames:
            if frame.type == RunStart.type:
                calls.clear()  # it started over: what was before does not count
            elif frame.type == ToolCallEvent.type:
                _add(calls, orjson.loads(frame.data)["data"])
    return calls if last else None


def _add(calls: list[ToolCallRecord], data: dict[str, Any]) -> None:
    record = ToolCallRecord(
        id=data["tool_call_id"],
        name=data["tool_name"],
        arguments=data["arguments"],
        status=data["status"],
        duration=data.get("duration"),
        error=data.get("error"),
    )
    if record.status == "started":
        calls.append(record)
        return
    for number, one in enumerate(calls):  # models use an id again in a later turn
        if one.id == record.id and one.status == "started":
            calls[number] = record
            return


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
