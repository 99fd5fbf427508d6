"""Running agents; and their runs: found again, followed, stopped."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from agentos.api.kit.callers import caller
from agentos.api.kit.client import ClientConnection, client_of
from agentos.api.kit.idempotency import REQUEST_HEADER, RESPONSE_HEADER, idempotency_key
from agentos.api.kit.middleware import name_run, request_id, this_request
from agentos.api.kit.paging import page_json, paging
from agentos.api.kit.query import read_last_event_id
from agentos.api.kit.routes import ResponseSpec, Routes, json_response, services
from agentos.api.kit.stream_limits import take_place
from agentos.api.kit.streaming import stream
from agentos.api.v1.media_responses import DOWNLOAD, IMAGES, media_number, media_response
from agentos.api.v1.run_responses import accepted_response, end_response
from agentos.api.v1.schemas.events import DATA_SCHEMAS, EVENT_STREAM, RunEventSchema
from agentos.api.v1.schemas.media import MediaSchema, read_media
from agentos.api.v1.schemas.queries import EventsQuery, RunQuery, RunStartQuery, StreamQuery
from agentos.api.v1.schemas.runs import AcceptedRunSchema, RunAnswerSchema, RunListSchema, RunRequestSchema, RunSchema
from agentos.api.v1.schemas.sessions import DeletedSchema
from agentos.api.v1.serializers import run_json
from agentos.api.v1.sse import SSEProjection
from agentos.domain.run import Concurrency, RunStatus
from agentos.errors import (
    AgentNotFound,
    EventsExpired,
    ExecutionError,
    IdempotencyConflict,
    IdempotencyMismatch,
    InvalidMedia,
    InvalidRequest,
    NotFound,
    RateLimited,
    RunActive,
    RunCancelled,
    RunFinished,
    RunNotFound,
    SessionBusy,
    SessionNotFound,
    ShuttingDown,
    TooManyStreams,
)
from agentos.execution.run_handle import RunHandle
from agentos.services.runs import RunRequest
from agentos.storage.values import RunFilter

routes = Routes(
    "runs",
    "One execution of an agent each: started, answered or streamed, and kept.",
    schemas=(MediaSchema, RunEventSchema, *DATA_SCHEMAS.values()),
)

PIECE = 16
"""Runs that are read at once for a list: each may bring megabytes of input and answer."""

RUN_ID = {"X-Run-ID": "The run's id."}
LINKS = {
    name: {"run_id": "$response.header.X-Run-ID"} for name in ("get_run", "follow_run", "cancel_run", "delete_run")
}
REFUSALS = (
    AgentNotFound,
    SessionNotFound,
    InvalidMedia,
    SessionBusy,
    IdempotencyConflict,
    IdempotencyMismatch,
    ShuttingDown,
    TooManyStreams,
    RunNotFound,  # a run that is repeated, and deleted at the same moment
    EventsExpired,  # a stream that is repeated after its time
)


@routes.post(
    "/api/v1/agents/{agent_id}/run",
    access="agents:run:{agent_id}",
    query=RunStartQuery,
    body=RunRequestSchema,
    responses={
        200: ResponseSpec(
            description="The run has completed and is saved. With `stream` or `stream_events`: its stream.",
            schema=RunAnswerSchema,
            media_types=("application/json", "text/event-stream"),
            content=EVENT_STREAM,
            headers=RUN_ID,
            sometimes=RESPONSE_HEADER,
            links=LINKS,
        ),
        202: ResponseSpec(
            description="With `background`: the run is accepted, and will be executed.",
            schema=AcceptedRunSchema,
            headers={"Location": "The run's address.", **RUN_ID},
            sometimes=RESPONSE_HEADER,
            links=LINKS,
        ),
    },
    request_headers=REQUEST_HEADER,
    errors=(*REFUSALS, RateLimited, ExecutionError, RunCancelled),
)
def run_agent(agent_id: str, query: dict[str, Any], body: dict[str, Any]) -> Response:
    """Run an agent and wait for its answer.

    A run that has not ended within the server's request timeout is stopped, and answers 504. A client that goes away
    changes nothing for the run, unless `on_disconnect` says so; `GET /api/v1/runs/{run_id}` has its end.
    """
    streamed = body["stream"] or query["stream_events"]
    cancels = _cancels_on_disconnect(body, streamed=streamed)
    if streamed:
        return _stream(agent_id, query, body, cancels=cancels)
    if body["background"]:
        return accepted_response(_start(agent_id, body, streamed=False), body.get("session_id"))
    with take_place() as place:  # before the run: one that is refused must not have begun
        handle = _start(agent_id, body, streamed=False)
        place.follow(handle.run_id)
        return end_response(handle, cancel_on_disconnect=cancels)


@routes.post(
    "/api/v1/agents/{agent_id}/run/stream",
    access="agents:run:{agent_id}",
    query=StreamQuery,
    body=RunRequestSchema,
    responses={
        200: ResponseSpec(
            description="The run's stream.",
            media_types=("text/event-stream",),
            content=EVENT_STREAM,
            headers=RUN_ID,
            sometimes=RESPONSE_HEADER,
            links=LINKS,
        )
    },
    request_headers=REQUEST_HEADER,
    errors=REFUSALS,
)
def stream_agent(agent_id: str, query: dict[str, Any], body: dict[str, Any]) -> Response:
    """Run an agent and stream what it says and does.

    Whatever can be refused is refused with a status and a JSON error before the first byte of the stream. `run_start`
    is the first event; exactly one of `complete` and `error` is the last. Joined, the `token`s of the last turn are the
    output, to the byte. `id` counts the run's events: 1, 2, 3 … without a gap, unless `types` filters. A stream that
    ends without `complete` or `error` was cut; `GET /api/v1/runs/{run_id}/events` has the rest.
    """
    return _stream(agent_id, query, body, cancels=_cancels_on_disconnect(body, streamed=True))


@routes.get(
    "/api/v1/runs/{run_id}",
    access="runs:read",
    responses={200: ResponseSpec(description="The run.", schema=RunSchema)},
    errors=(RunNotFound,),
)
def get_run(run_id: str) -> Response:
    """Read a run: where it stands, what was asked and answered, what it cost."""
    return json_response(run_json(services().runs.get(run_id, caller())))


@routes.get(
    "/api/v1/runs/{run_id}/events",
    access="runs:read",
    query=EventsQuery,
    responses={
        200: ResponseSpec(
            description="The run's stream.", media_types=("text/event-stream",), content=EVENT_STREAM, headers=RUN_ID
        ),
        204: ResponseSpec(
            description="The run has ended, and its last event was seen: an `EventSource` stops coming back."
        ),
    },
    request_headers={"Last-Event-ID": "The `id` of the last event that was seen: only those after it are sent."},
    errors=(RunNotFound, EventsExpired, TooManyStreams),
)
def follow_run(run_id: str, query: dict[str, Any]) -> Response:
    """Follow a run.

    Its stream, from the start or after an event, then live until its end; from any worker, during the run and for the
    retention time after it. With `Last-Event-ID` or `after`, exactly the events that were missed are sent, in order,
    once. A browser's `EventSource` adds the header to an address with `after` by itself, and then it is what counts.
    """
    after = read_last_event_id(request, query.get("after", 0))
    projection = SSEProjection(query.get("types", frozenset()), retry=True)
    with take_place() as place:
        response = stream(services().runs.open(run_id, caller()), projection, _client(), after=after)
        if response.status_code == 204:
            return response
        place.follow(run_id)
        return place.keep(response)


@routes.get(
    "/api/v1/runs/{run_id}/media/{number}",
    access="runs:read",
    responses={
        200: ResponseSpec(
            description="Its bytes: a picture of these types as it is, anything else as a download.",
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
    responses={202: ResponseSpec(description="The run as it is; it ends within a moment.", schema=RunSchema)},
    errors=(RunNotFound, RunFinished),
)
def cancel_run(run_id: str) -> Response:
    """Cancel a run.

    Whether it waits or runs, in whichever worker: the call to the model is cut, what was written is kept, and the run
    ends as `cancelled`.
    """
    return json_response(run_json(services().runs.cancel(run_id, caller())), 202)


@routes.delete(
    "/api/v1/runs/{run_id}",
    access="sessions:write",
    responses={200: ResponseSpec(description="It is gone.", schema=DeletedSchema)},
    errors=(RunNotFound, RunActive),
)
def delete_run(run_id: str) -> Response:
    """Delete a run.

    Only one that has ended; its events, messages and attachments go too. In its session, no message gets another
    sequence number, so that there is a gap; `run_count` and `total_tokens` are those of the runs that are left. The
    session's summary goes if the run had left messages, since it may quote them.
    """
    services().runs.delete(run_id, caller())
    return json_response({"message": "run deleted"})


@routes.get(
    "/api/v1/runs",
    access="runs:read",
    query=RunQuery,
    responses={200: ResponseSpec(description="A part of the list.", schema=RunListSchema)},
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
    )
    return json_response(
        page_json(
            "runs",
            "run",
            paging(query),
            lambda part: services().runs.list(where, part, caller()),
            run_json,
            piece=PIECE,
        )
    )


def _stream(agent_id: str, query: dict[str, Any], body: dict[str, Any], *, cancels: bool) -> Response:
    projection = SSEProjection(query.get("types", frozenset()))
    with take_place() as place:  # before the run: one that is refused must not have begun
        handle = _start(agent_id, body, streamed=True)
        place.follow(handle.run_id)
        return place.keep(stream(handle, projection, _client(), cancel_on_disconnect=cancels))


def _client() -> ClientConnection:
    return client_of(this_request().environ)


def _cancels_on_disconnect(body: dict[str, Any], *, streamed: bool) -> bool:
    """Return whether the run ends with its client; refuse what cannot be together."""
    cancels: bool = body["on_disconnect"] == "cancel"
    if body["background"]:
        if streamed:
            raise InvalidRequest(
                "field 'background' is true and a stream was asked for; accepted is one of them: a background run is"
                " followed with GET /api/v1/runs/{run_id}/events"
            )
        if cancels:
            raise InvalidRequest(
                "field 'background' is true and 'on_disconnect' is 'cancel'; nobody waits for a background run, so only"
                " 'continue' is accepted"
            )
    return cancels


def _start(agent_id: str, body: dict[str, Any], *, streamed: bool) -> RunHandle:
    concurrency = body.get("concurrency")
    wanted = RunRequest(
        caller=caller(),
        agent_id=agent_id,
        input=body["input"],
        media=read_media(body.get("media", [])),
        session_id=body.get("session_id"),
        user_id=body.get("user_id"),
        metadata=body.get("metadata", {}),
        context=body.get("run_context", {}),
        streamed=streamed,
        background=body["background"],
        concurrency=None if concurrency is None else Concurrency(concurrency),
        idempotency=idempotency_key(request, body | {"stream": streamed}),
        request_id=request_id(),
    )
    handle = services().runs.start(wanted)
    name_run(handle.run_id)
    return handle
