"""Responses that are there: found by their ids, and read from the logs of their runs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentos import PendingAction, Run, RunNotFound, RunStatus
from agentos.web import EventsExpired, Frame, NotFound, RunHandle, StorageError, caller, server
from agentos_openai_api.ids import FUNCTION_CALL, MESSAGE, REASONING, item_id
from agentos_openai_api.responses import forms
from agentos_openai_api.responses.echo import Echo
from agentos_openai_api.responses.parts import ResponseRef, last_part, pauses_of, read_response_id
from agentos_openai_api.responses.reader import ResponseReader
from agentos_openai_api.responses.said_in_record import calls_of
from agentos_openai_api.waiting import waiting_template

GLANCE = 0.02
"""Seconds in which the next frames of a run under way must be there to be part of an answer."""

LOG_AWAY = 5.0
"""Seconds in which the log of a run that rests must be readable."""

_LAST = ("complete", "error", "paused")
"""Types of the frames with which a log ends while nothing is under way."""


class ResponseNotFound(NotFound, code="RESPONSE_NOT_FOUND"):
    """There is no such response, or it is not the caller's."""


@dataclass(frozen=True, slots=True)
class Found:
    """A response, the run that it is a part of, and what it repeats of its request."""

    ref: ResponseRef
    handle: RunHandle
    run: Run
    echo: Echo


def may_use(run: Run) -> bool:
    """Return whether the caller may continue what was said in a run: one that may read it, or may run its agent."""
    known = caller()
    return known.may("runs:read") or known.may_run(run.agent_id)


def response_not_found(id: str) -> ResponseNotFound:
    """Return the error for an id that names no response."""
    return ResponseNotFound(f"response with id {id!r:.150} not found")


def find_response(id: str, *, stored: bool = True) -> Found:
    """Return a response of the caller's; with ``stored``, only one that its client wanted to find again.

    Raises :class:`ResponseNotFound`.
    """
    ref = read_response_id(id)
    if ref is None:
        raise response_not_found(id)
    handle = server().runs.open(ref.run_id, caller())
    try:
        run = handle.get()
    except RunNotFound:
        raise response_not_found(id) from None
    echo = Echo.of_run(run)
    if (stored and not echo.is_stored) or (ref.part and ref.part > last_part(handle.actions())):
        raise response_not_found(id)
    return Found(ref, handle, run, echo)


def read_response(found: Found) -> dict[str, Any]:
    """Return a response as it is now, from the log of its run; from the run alone once that is gone."""
    try:
        return whole_response(found, _frames_now(found.handle, found.run))
    except EventsExpired:
        return _of_run(found)


def whole_response(found: Found, batches: Iterable[Sequence[Frame]]) -> dict[str, Any]:
    """Return a response as the frames of its run's log make it."""
    reader = ResponseReader(found.echo, part=found.ref.part, forgets=True, waiting=waiting_template())
    for frames in batches:
        for frame in frames:
            reader.read(frame)
        if reader.over:
            break
    return reader.as_it_is() or _of_run(found)


def _frames_now(handle: RunHandle, run: Run) -> Iterable[Sequence[Frame]]:
    """Yield what there is. With what a run has ended or paused is there: it is waited for while the log is away."""
    begun, rests = time.monotonic(), run.status.finished or run.status is RunStatus.PAUSED
    last = ""
    for frames in handle.follow(0, heartbeat=GLANCE):
        if frames:
            last = frames[-1].type
            yield frames
        elif not rests or last in _LAST:
            return
        elif time.monotonic() - begun > LOG_AWAY:
            raise StorageError("the events of the response cannot be read now; try again later")


def _of_run(found: Found) -> dict[str, Any]:
    """Return a response without the log: it has not begun, or so long ago that only its outcome is kept."""
    run = found.run
    pauses = pauses_of(found.handle.actions()) if run.status.finished else ()
    fields: dict[str, Any] = {"status": _STATUSES.get(run.status, "in_progress")}
    if found.ref.part < len(pauses):
        fields = {"status": "completed", "output": _calls(run.id, pauses[found.ref.part])}
    elif run.status.finished:
        fields |= {"output": _said(run), **_end(run)}
        if run.status is RunStatus.COMPLETED and not pauses:  # of a run with several parts, only the sum is kept
            fields["usage"] = forms.usage_json(run.usage.to_dict())
    return forms.response_json(found.ref, found.echo, model=run.agent_id, session_id=run.session_id, **fields)


def _calls(run_id: str, pause: Mapping[int, PendingAction]) -> list[dict[str, Any]]:
    """Return the calls with which a part ended. Their ids have their numbers, since their places are not kept."""
    return [
        forms.call_item(item_id(FUNCTION_CALL, run_id, number), call.id, call.name, call.arguments)
        for number, call in zip(pause, calls_of(run_id, pause), strict=False)
    ]


def _said(run: Run) -> list[dict[str, Any]]:
    output: list[dict[str, Any]] = []
    if run.reasoning:
        output.append(forms.reasoning_item(item_id(REASONING, run.id, 0), run.reasoning))
    if run.content:
        output.append(forms.message_item(item_id(MESSAGE, run.id, len(output)), run.content))
    return output


def _end(run: Run) -> dict[str, Any]:
    if run.error is not None:
        return forms.run_failure(run.error)
    if run.status is not RunStatus.COMPLETED:
        return {}
    if (reason := forms.INCOMPLETE.get(str(run.finish_reason))) is not None:
        return {"status": "incomplete", "incomplete_details": {"reason": reason}}
    return {"completed_at": None if run.ended_at is None else int(run.ended_at.timestamp())}


_STATUSES = {RunStatus.QUEUED: "queued", RunStatus.COMPLETED: "completed"}
