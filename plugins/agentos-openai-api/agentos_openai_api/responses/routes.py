"""The operations at ``/v1/responses``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Response

from agentos import IdempotencyConflict, IdempotencyMismatch, RunActive, RunNotFound
from agentos.web import (
    ON_DISCONNECT,
    RUN_SOME,
    AgentNotFound,
    EventsExpired,
    ExecutionError,
    InvalidMedia,
    ResponseSpec,
    RunCancelled,
    RunFinished,
    SessionBusy,
    SessionNotFound,
    ShuttingDown,
    TooManyStreams,
    caller,
    cancels_on_disconnect,
    end_pause_of_session,
    json_response,
    name_run,
    replayed_header,
    run_error_response,
    server,
    start_and_stream,
    start_and_wait,
    stream,
    wait_for_end,
)
from agentos_openai_api.lists import ItemsQuery, OpenAIItemListSchema, page_of
from agentos_openai_api.responses.chain import PreviousResponseNotFound
from agentos_openai_api.responses.client_tools import Continued, continue_run, end_pause_of
from agentos_openai_api.responses.echo import Echo
from agentos_openai_api.responses.items import input_items, read_input
from agentos_openai_api.responses.mapper import Wanted, overrides_of, request_of, session_of
from agentos_openai_api.responses.parts import ResponseRef
from agentos_openai_api.responses.projection import ResponseProjection
from agentos_openai_api.responses.reader import ResponseReader
from agentos_openai_api.responses.references import References
from agentos_openai_api.responses.retrieval import Found, ResponseNotFound, find_response, read_response
from agentos_openai_api.responses.schemas import (
    OpenAIResponseSchema,
    ResponseDeletedSchema,
    ResponseRequestSchema,
    RetrieveQuery,
)
from agentos_openai_api.routes import IDEMPOTENCY_KEY, REPLAYED, routes
from agentos_openai_api.waiting import waiting_template

CANCEL_SECONDS = 5.0
"""How long a cancel waits for the end of the run, so that its answer shows it."""

RUN_ID = {"X-Run-ID": "The run's id."}
WHOLE = ResponseSpec(
    "The response; with `stream`, its events.",
    OpenAIResponseSchema,
    media_types=("application/json", "text/event-stream"),
    headers=RUN_ID,
)


@routes.post(
    "/v1/responses",
    access=RUN_SOME,
    body=ResponseRequestSchema,
    responses={200: replace(WHOLE, sometimes=REPLAYED)},
    request_headers={**ON_DISCONNECT, **IDEMPOTENCY_KEY},
    errors=(
        AgentNotFound,
        SessionNotFound,
        PreviousResponseNotFound,
        InvalidMedia,
        SessionBusy,
        RunActive,
        RunNotFound,  # one that is deleted while it is waited for
        IdempotencyConflict,
        IdempotencyMismatch,
        EventsExpired,
        ShuttingDown,
        TooManyStreams,
        ExecutionError,
        RunCancelled,
    ),
)
def create_openai_response(body: dict[str, Any]) -> Response:
    """Run an agent as a model.

    Calls of the client's `tools` end the response. A request with their outputs begins the next response, and the run
    continues. `previous_response_id` continues the conversation of any response that has ended.
    """
    said = read_input(body["input"], References().item)
    session_id = session_of(body)
    overrides = overrides_of(body, said)
    previous = body.get("previous_response_id")
    continued = continue_run(
        body["model"], said.results, overrides, in_session=session_id is not None, chained=previous is not None
    )
    if continued is not None:
        return _continued(body, continued)
    wanted = request_of(body, said, session_id, overrides)
    end_pause_of(body["model"], previous, said)
    try:
        return _begin(body, wanted)
    except SessionBusy as busy:
        if not end_pause_of_session(busy):
            raise
        return _begin(body, wanted)


@routes.get(
    "/v1/responses/{response_id}",
    access="runs:read",
    query=RetrieveQuery,
    responses={200: WHOLE},
    errors=(ResponseNotFound, EventsExpired, TooManyStreams),
)
def get_openai_response(response_id: str, query: dict[str, Any]) -> Response:
    """Read a response, or its events.

    Any run is a response here: one that began elsewhere has its id with `resp_` before it. The events are those that
    were sent at first, with the same numbers, while the run's log is kept.
    """
    found = find_response(response_id)
    if not query["stream"]:
        return _whole(found, read_response(found))
    reader = ResponseReader(found.echo, part=found.ref.part, waiting=waiting_template())
    return stream(found.handle, ResponseProjection(reader, starting_after=query.get("starting_after", -1)))


@routes.post(
    "/v1/responses/{response_id}/cancel",
    access="runs:cancel",
    responses={200: ResponseSpec("The response as it is then.", OpenAIResponseSchema, headers=RUN_ID)},
    errors=(ResponseNotFound,),
)
def cancel_openai_response(response_id: str) -> Response:
    """Cancel a response. One that has ended is answered as it is."""
    found = find_response(response_id, stored=False)
    try:
        found.handle.cancel()
        found.handle.wait(CANCEL_SECONDS)
    except RunFinished:
        pass
    found = find_response(response_id, stored=False)
    return _whole(found, read_response(found))


@routes.delete(
    "/v1/responses/{response_id}",
    access="sessions:write",
    audit="run.delete",
    responses={200: ResponseSpec("It is gone.", ResponseDeletedSchema)},
    errors=(ResponseNotFound, RunActive),
)
def delete_openai_response(response_id: str) -> Response:
    """Delete a response: its whole run, with events, messages and attachments."""
    found = find_response(response_id, stored=False)
    server().runs.delete(found.run.id, caller())
    return json_response({"id": response_id, "object": "response.deleted", "deleted": True})


@routes.get(
    "/v1/responses/{response_id}/input_items",
    access="runs:read",
    query=ItemsQuery,
    responses={200: ResponseSpec("A page of the items.", OpenAIItemListSchema)},
    errors=(ResponseNotFound,),
)
def list_openai_input_items(response_id: str, query: dict[str, Any]) -> Response:
    """List what a response was made of: the conversation before it, and its input."""
    found = find_response(response_id)
    return json_response(page_of(input_items(found.run.id, found.handle.messages()), query))


def _begin(body: dict[str, Any], wanted: Wanted) -> Response:
    if body["background"]:
        handle = server().runs.start(wanted.request)
        name_run(handle.run_id)
        if body["stream"]:
            return stream(handle, _projection(wanted.echo))
        found = Found(ResponseRef(handle.run_id), handle, handle.get(), wanted.echo)
        return _whole(found, read_response(found), replayed_header(handle.replayed))
    if body["stream"]:
        return start_and_stream(wanted.request, _projection(wanted.echo), cancel_on_disconnect=cancels_on_disconnect())
    run, replayed = start_and_wait(wanted.request, cancel_on_disconnect=cancels_on_disconnect())
    found = Found(ResponseRef(run.id), server().runs.open(run.id, caller()), run, wanted.echo)
    # A repeat with the same key gets the same error.
    return _ended(found, replayed_header(replayed), repeatable=wanted.request.idempotency is None)


def _continued(body: dict[str, Any], continued: Continued) -> Response:
    handle, ref = continued.handle, continued.ref
    run = handle.get()
    echo = Echo.of_run(run)
    cancels = cancels_on_disconnect() and not body["background"]
    if body["stream"]:
        return stream(handle, _projection(echo, ref.part), cancel_on_disconnect=cancels)
    if body["background"]:
        found = Found(ref, handle, run, echo)
        return _whole(found, read_response(found))
    found = Found(ref, handle, wait_for_end(handle, cancel_on_disconnect=cancels), echo)
    return _ended(found, repeatable=continued.repeatable)


def _projection(echo: Echo, part: int = 0) -> ResponseProjection:
    return ResponseProjection(ResponseReader(echo, part=part, waiting=waiting_template()))


def _ended(found: Found, headers: dict[str, str] | None = None, *, repeatable: bool) -> Response:
    """Answer with a response that has ended; with the error, if that is how.

    ``repeatable`` is whether the same request, sent again, gets another answer than this error.
    """
    made = read_response(found)
    if found.run.error is not None and made["status"] in ("failed", "cancelled"):
        response = run_error_response(found.run.error, final=not repeatable)
        response.headers.update({"X-Run-ID": found.run.id, **(headers or {})})
        return response
    return _whole(found, made, headers)


def _whole(found: Found, response: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    return json_response(response, headers={"X-Run-ID": found.run.id, **(headers or {})})
