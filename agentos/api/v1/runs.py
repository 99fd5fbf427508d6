"""Runs: found again, followed, stopped, deleted."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from agentos.api.kit.callers import caller
from agentos.api.kit.middleware import this_client
from agentos.api.kit.paging import page_json
from agentos.api.kit.query import read_last_event_id
from agentos.api.kit.routes import ResponseSpec, json_response, services
from agentos.api.kit.stream_limits import take_place
from agentos.api.kit.streaming import stream
from agentos.api.v1 import run_creation
from agentos.api.v1.media_responses import DOWNLOAD, IMAGES, media_number, media_response
from agentos.api.v1.schemas.events import EVENT_STREAM
from agentos.api.v1.schemas.queries import EventsQuery, RunQuery
from agentos.api.v1.schemas.runs import RunDetailSchema, RunListSchema, RunSchema
from agentos.api.v1.schemas.sessions import DeletedSchema
from agentos.api.v1.serializers import run_detail_json, run_json
from agentos.api.v1.sse import SSEProjection
from agentos.domain.run import RunStatus
from agentos.errors import EventsExpired, NotFound, RunActive, RunFinished, RunNotFound, TooManyStreams
from agentos.storage.runs import RunFilter

routes = run_creation.routes

PIECE = 16
"""Runs that are read at once for a list: each may bring megabytes of input and answer."""


@routes.get(
    "/api/v1/runs/{run_id}",
    access="runs:read",
    responses={200: ResponseSpec("The run.", RunDetailSchema)},
    errors=(RunNotFound,),
)
def get_run(run_id: str) -> Response:
    """Read a run: where it stands, what was asked and answered, what it called, what it cost."""
    handle = services().runs.open(run_id, caller())
    return json_response(run_detail_json(*handle.with_actions(), handle.children()))


@routes.get(
    "/api/v1/runs/{run_id}/events",
    access="runs:read",
    query=EventsQuery,
    responses={
        200: ResponseSpec(
            "The run's stream.",
            media_types=("text/event-stream",),
            content=EVENT_STREAM,
            headers=run_creation.RUN_ID,
        ),
        204: ResponseSpec("The run has ended, and its last event was seen: an `EventSource` stops coming back."),
    },
    request_headers={"Last-Event-ID": "The `id` of the last event that was seen: only those after it are sent."},
    errors=(RunNotFound, EventsExpired, TooManyStreams),
)
def follow_run(run_id: str, query: dict[str, Any]) -> Response:
    """Follow a run.

    Its stream, from the start or after an event, then live until its end or until it pauses; from any worker, during
    the run and for the retention time after it. Of a paused run of which all was seen, it waits for what comes after
    the answers. With `Last-Event-ID` or `after`, exactly the events that were missed are sent, in order,
    once. A browser's `EventSource` adds the header to an address with `after` by itself, and then it is what counts.
    """
    after = read_last_event_id(request, query.get("after", 0))
    projection = SSEProjection(query.get("types", frozenset()), retry=True)
    with take_place() as place:
        response = stream(services().runs.open(run_id, caller()), projection, this_client(), after=after)
        if response.status_code == 204:
            return response
        place.follow(run_id)
        return place.keep(response)


@routes.get(
    "/api/v1/runs/{run_id}/media/{number}",
    access="runs:read",
    responses={
        200: ResponseSpec(
            "Its bytes: a picture of these types as it is, anything else as a download.",
            media_types=(*IMAGES, DOWNLOAD),
            headers={"Content-Disposition": "`inline` or `attachment`, with its name if it has one."},
        )
    },
    errors=(RunNotFound, NotFound),
)
def get_run_media(run_id: str, number: str) -> Response:
    """Read the bytes of an attachment.

    One that was given only by its address has no bytes here, unless the server fetched them.
    """
    return media_response(*services().runs.attachment(run_id, media_number(number), caller()))


@routes.post(
    "/api/v1/runs/{run_id}/cancel",
    access="runs:cancel",
    responses={202: ResponseSpec("The run as it is; it ends within a moment.", RunSchema)},
    errors=(RunNotFound, RunFinished),
)
def cancel_run(run_id: str) -> Response:
    """Cancel a run.

    Whether it waits, runs or is paused, in whichever worker: the call to the model is cut, what was written is kept,
    and the run ends as `cancelled`.
    """
    return json_response(run_json(services().runs.open(run_id, caller()).cancel()), 202)


@routes.delete(
    "/api/v1/runs/{run_id}",
    access="sessions:write",
    audit="run.delete",
    responses={200: ResponseSpec("It is gone.", DeletedSchema)},
    errors=(RunNotFound, RunActive),
)
def delete_run(run_id: str) -> Response:
    """Delete a run.

    Only one that has ended or is paused; its events, messages and attachments go too. In its session, no message gets
    another sequence number, so that there is a gap; `run_count` and `total_tokens` are those of the runs that are left.
    The session's summary goes if the run had left messages, since it may quote them.
    """
    services().runs.delete(run_id, caller())
    return json_response({"message": "run deleted"})


@routes.get(
    "/api/v1/runs",
    access="runs:read",
    query=RunQuery,
    responses={200: ResponseSpec("A part of the list.", RunListSchema)},
)
def list_runs(query: dict[str, Any]) -> Response:
    """List runs.

    The newest come first. Filters are exact and and-ed. The list is stable while runs are added, if it is read with
    `cursor`.
    """
    status = query.get("status")
    where = RunFilter(
        session_id=query.get("session_id"),
        agent_id=query.get("agent_id"),
        status=None if status is None else RunStatus(status),
        since=query.get("since"),
        until=query.get("until"),
    )
    return json_response(
        page_json("run", query, lambda part: services().runs.list(where, part, caller()), run_json, piece=PIECE)
    )
