"""Responses that are there: found by their ids, and read from the logs of their runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from agentos import Run, RunNotFound, RunStatus
from agentos.web import EventsExpired, Frame, NotFound, RunHandle, caller, server
from agentos_openai_api.chat.waiting import waiting_template
from agentos_openai_api.ids import MESSAGE, REASONING, item_id
from agentos_openai_api.responses import forms
from agentos_openai_api.responses.client_tools import last_part
from agentos_openai_api.responses.echo import Echo
from agentos_openai_api.responses.parts import ResponseRef, read_response_id
from agentos_openai_api.responses.reader import ResponseReader

GLANCE = 0.02
"""Seconds in which the next frames of a run under way must be there to be part of an answer."""


class ResponseNotFound(NotFound, code="RESPONSE_NOT_FOUND"):
    """There is no such response, or it is not the caller's."""


@dataclass(frozen=True, slots=True)
class Found:
    """A response, the run that it is a part of, and what it repeats of its request."""

    ref: ResponseRef
    handle: RunHandle
    run: Run
    echo: Echo


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
        return whole_response(found, _frames_now(found.handle))
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


def _frames_now(handle: RunHandle) -> Iterable[Sequence[Frame]]:
    for frames in handle.follow(0, heartbeat=GLANCE):
        if not frames:
            return
        yield frames


def _of_run(found: Found) -> dict[str, Any]:
    """Return a response without the log: it has not begun, or so long ago that only its outcome is kept."""
    run = found.run
    output: list[dict[str, Any]] = []
    if run.status.finished:
        if run.reasoning:
            output.append(forms.reasoning_item(item_id(REASONING, run.id, len(output)), run.reasoning))
        if run.content:
            output.append(forms.message_item(item_id(MESSAGE, run.id, len(output)), run.content))
    fields: dict[str, Any] = {"status": _STATUSES.get(run.status, "in_progress")}
    if run.error is not None:
        fields = forms.run_failure(run.error)
    elif run.status is RunStatus.COMPLETED:
        fields["usage"] = forms.usage_json(run.usage.to_dict())
        if (reason := forms.INCOMPLETE.get(str(run.finish_reason))) is not None:
            fields |= {"status": "incomplete", "incomplete_details": {"reason": reason}}
    return forms.response_json(
        found.ref, found.echo, model=run.agent_id, session_id=run.session_id, output=output, **fields
    )


_STATUSES = {RunStatus.QUEUED: "queued", RunStatus.COMPLETED: "completed"}
