"""Running agents: a run is started, and answered at once, at its end, or as a stream."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for

from agentos.api.kit.callers import caller
from agentos.api.kit.errors import run_error_response
from agentos.api.kit.idempotency import REQUEST_HEADER, RESPONSE_HEADER, idempotency_key, replayed_header
from agentos.api.kit.middleware import name_run, request_id, this_client
from agentos.api.kit.path_parameters import PathParameter
from agentos.api.kit.routes import ResponseSpec, Routes, json_response, services
from agentos.api.kit.run_answers import until_end
from agentos.api.kit.stream_limits import take_place
from agentos.api.kit.streaming import stream
from agentos.api.v1.overrides import read_overrides
from agentos.api.v1.schemas.events import DATA_SCHEMAS, EVENT_STREAM, RunEventSchema
from agentos.api.v1.schemas.media import MediaSchema, read_media
from agentos.api.v1.schemas.queries import RunStartQuery, StreamQuery
from agentos.api.v1.schemas.runs import AcceptedRunSchema, PausedRunSchema, RunAnswerSchema, RunRequestSchema
from agentos.api.v1.serializers import paused_run_json, run_answer_json
from agentos.api.v1.sse import SSEProjection
from agentos.domain.run import BusyPolicy, RunStatus
from agentos.domain.run_request import RunRequest
from agentos.domain.stored_request import RunMode
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
    RunCancelled,
    RunNotFound,
    SessionBusy,
    SessionNotFound,
    ShuttingDown,
    TooManyStreams,
)
from agentos.execution.run_handle import RunHandle

routes = Routes(
    "runs",
    "One execution of an agent each: started, answered or streamed, and kept.",
    schemas=(MediaSchema, RunEventSchema, *DATA_SCHEMAS.values()),
    path_parameters={
        "number": PathParameter(
            "The attachment's place in `media`, counted from 0.",
            lambda number: NotFound(f"{number!r:.100} is no number of an attachment"),
            pattern="^[0-9]{1,4}$",
        )
    },
)

RUN_ID = {"X-Run-ID": "The run's id."}
LINKS = {
    name: {"run_id": "$response.header.X-Run-ID"}
    for name in ("get_run", "follow_run", "cancel_run", "delete_run", "resume_run")
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
            "The run has completed and is saved. With `stream` or `stream_events`: its stream.",
            RunAnswerSchema,
            media_types=("application/json", "text/event-stream"),
            content=EVENT_STREAM,
            headers=RUN_ID,
            sometimes=RESPONSE_HEADER,
            links=LINKS,
        ),
        202: ResponseSpec(
            "With `background`: the run is accepted, and will be executed. Else: it is paused, and continues once all"
            " of `pending` is answered.",
            (AcceptedRunSchema, PausedRunSchema),
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

    A run that has to wait for a person, or for a tool of the client, is paused: 202 says what it waits for, and
    `POST /api/v1/runs/{run_id}/resume` answers that. A run that has not ended within the server's request timeout is
    stopped, and answers 504. A client that goes away changes nothing for the run, unless `on_disconnect` says so;
    `GET /api/v1/runs/{run_id}` has its end.
    """
    streamed = body["stream"] or query["stream_events"]
    cancels = _cancels_on_disconnect(body, streamed=streamed)
    if streamed:
        return _stream(agent_id, query, body, cancels=cancels)
    if body["background"]:
        return _accepted_response(_start(agent_id, body, RunMode.BACKGROUND), body.get("session_id"))
    with take_place() as place:  # before the run: one that is refused must not have begun
        handle = _start(agent_id, body, RunMode.INLINE)
        place.follow(handle.run_id)
        return end_response(handle, cancel_on_disconnect=cancels)


@routes.post(
    "/api/v1/agents/{agent_id}/run/stream",
    access="agents:run:{agent_id}",
    query=StreamQuery,
    body=RunRequestSchema,
    responses={
        200: ResponseSpec(
            "The run's stream.",
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

    A refusal is a status and a JSON error, and comes before the first byte of the stream. `run_start`
    is the first event; exactly one of `complete` and `error` is the last, or `paused` if the run has to wait for a
    person or the client. Joined, the `token`s of the last turn are the
    output, to the byte. `id` counts the run's events: 1, 2, 3 … without a gap, unless `types` filters. A stream that
    ends without `complete`, `error` or `paused` was cut; `GET /api/v1/runs/{run_id}/events` has the rest.
    """
    return _stream(agent_id, query, body, cancels=_cancels_on_disconnect(body, streamed=True))


def _stream(agent_id: str, query: dict[str, Any], body: dict[str, Any], *, cancels: bool) -> Response:
    projection = SSEProjection(query.get("types", frozenset()))
    with take_place() as place:  # before the run: one that is refused must not have begun
        handle = _start(agent_id, body, RunMode.STREAMED)
        place.follow(handle.run_id)
        return place.keep(stream(handle, projection, this_client(), cancel_on_disconnect=cancels))


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
                "field 'background' is true and 'on_disconnect' is 'cancel'; no client waits for a background run, so"
                " only 'continue' is accepted"
            )
    return cancels


def _start(agent_id: str, body: dict[str, Any], mode: RunMode) -> RunHandle:
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
        overrides=read_overrides(body.get("overrides")),
        mode=mode,
        concurrency=None if concurrency is None else BusyPolicy(concurrency),
        idempotency=idempotency_key(request, body | {"stream": mode is RunMode.STREAMED}),
        request_id=request_id(),
    )
    handle = services().runs.start(wanted)
    name_run(handle.run_id)
    return handle


def _accepted_response(handle: RunHandle, session_id: str | None) -> Response:
    """Say where a background run can be found; the same to each repeat of its request."""
    session = {} if session_id is None else {"session_id": session_id}
    accepted = {"run_id": handle.run_id, "status": RunStatus.QUEUED.value, **session}
    return json_response(accepted, 202, {**_location(handle), **_headers(handle)})


def end_response(handle: RunHandle, *, cancel_on_disconnect: bool) -> Response:
    """Wait for a run's end or pause and answer it; ``cancel_on_disconnect`` cancels it if the client does not wait."""
    run = until_end(handle, cancel_on_disconnect=cancel_on_disconnect)
    if run.status is RunStatus.PAUSED:
        return json_response(paused_run_json(run), 202, {**_location(handle), **_headers(handle)})
    if run.error is None:
        return json_response(run_answer_json(run), headers=_headers(handle))
    answer = run_error_response(run.error)
    answer.headers.update(_headers(handle))
    return answer


def _location(handle: RunHandle) -> dict[str, str]:
    return {"Location": url_for("runs.get_run", run_id=handle.run_id)}


def _headers(handle: RunHandle) -> dict[str, str]:
    return {"X-Run-ID": handle.run_id, **replayed_header(handle.replayed)}
