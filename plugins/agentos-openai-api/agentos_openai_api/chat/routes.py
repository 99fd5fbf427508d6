"""``POST /v1/chat/completions``."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Response

from agentos import IdempotencyConflict, IdempotencyMismatch, Run, RunError
from agentos.web import (
    RUN_SOME,
    SSE_MEDIA_TYPE,
    AgentNotFound,
    EventsExpired,
    ExecutionError,
    InvalidMedia,
    PendingExpired,
    ResponseSpec,
    RunCancelled,
    RunNotFound,
    RunRequest,
    SessionBusy,
    SessionNotFound,
    ShuttingDown,
    TooManyStreams,
    caller,
    json_response,
    replayed_header,
    run_error_response,
    server,
    start_and_stream,
    start_and_wait,
    stream,
    this_request,
    wait_for_end,
)
from agentos_openai_api.chat.answer import AnswerReader
from agentos_openai_api.chat.client_tools import Continued, continue_run, end_pause_of
from agentos_openai_api.chat.completion import is_plain, plain_completion, read_completion
from agentos_openai_api.chat.forms import stream_of
from agentos_openai_api.chat.mapper import overrides_of, read_conversation, request_of
from agentos_openai_api.chat.projection import ChatProjection
from agentos_openai_api.chat.schemas import ChatCompletionRequestSchema, ChatCompletionSchema
from agentos_openai_api.chat.waiting import waiting_completion, waiting_template
from agentos_openai_api.client_tools import end_pause_of_session
from agentos_openai_api.disconnects import ON_DISCONNECT, cancels_on_disconnect
from agentos_openai_api.routes import IDEMPOTENCY_KEY, REPLAYED, routes
from agentos_openai_api.sessions import SESSION_HEADER, named_session

SHOW_TOOLS = "X-AgentOS-Show-Tools"

NO_HEARTBEAT = 60.0


@routes.post(
    "/v1/chat/completions",
    access=RUN_SOME,
    body=ChatCompletionRequestSchema,
    responses={
        200: ResponseSpec(
            "The answer; with `stream`, its chunks.",
            ChatCompletionSchema,
            media_types=("application/json", "text/event-stream"),
            headers={"X-Run-ID": "The run's id."},
            sometimes={
                SESSION_HEADER: "The session that the run is in.",
                **REPLAYED,
            },
        )
    },
    request_headers={
        SESSION_HEADER: "The session; of `messages`, only the newest counts then.",
        SHOW_TOOLS: "`1`: calls of the agent's own tools are shown as `reasoning_content`.",
        **ON_DISCONNECT,
        **IDEMPOTENCY_KEY,
    },
    errors=(
        AgentNotFound,
        SessionNotFound,
        InvalidMedia,
        SessionBusy,
        IdempotencyConflict,
        IdempotencyMismatch,
        ShuttingDown,
        TooManyStreams,
        ExecutionError,
        RunCancelled,
        RunNotFound,  # one that is deleted while it is waited for
        PendingExpired,
        EventsExpired,
    ),
)
def create_chat_completion(body: dict[str, Any]) -> Response:
    """Run an agent as a model.

    `messages` are the conversation, unless the request names a session. Calls of the client's `tools` end the answer;
    a request with their results continues the same run.
    """
    said = read_conversation(body)
    overrides = overrides_of(body, said)
    continued = continue_run(said, overrides, in_session=named_session(body.get("metadata") or {}) is not None)
    if continued is not None:
        try:
            return _in_session(_continued_answer(body, continued), continued.run.session_id)
        except EventsExpired:
            pass  # what it answered then cannot be said again
    end_pause_of(said)
    wanted = request_of(body, said, overrides)
    answer = partial(_stream, body) if body["stream"] else _wait
    try:
        response = answer(wanted)
    except SessionBusy as busy:
        if not end_pause_of_session(busy):
            raise
        response = answer(wanted)
    return _in_session(response, wanted.session_id)


def _stream(body: dict[str, Any], wanted: RunRequest) -> Response:
    return start_and_stream(wanted, _projection(body, _reader()), cancel_on_disconnect=cancels_on_disconnect())


def _wait(wanted: RunRequest) -> Response:
    run, replayed = start_and_wait(wanted, cancel_on_disconnect=cancels_on_disconnect())
    response = _ended(run)
    response.headers.update(replayed_header(replayed))
    return response


def _ended(run: Run) -> Response:
    if is_plain(run):
        return json_response(plain_completion(run), headers={"X-Run-ID": run.id})
    if run.error is not None:
        return _with_run(run_error_response(run.error), run.id)
    frames = server().runs.open(run.id, caller()).follow(0, heartbeat=NO_HEARTBEAT)
    return _whole(read_completion(run, frames, _reader()), run.id)


def _continued_answer(body: dict[str, Any], continued: Continued) -> Response:
    if continued.waits_for:
        whole = waiting_completion(continued.run, continued.waits_for)
        if body["stream"]:
            return _with_run(Response(stream_of(whole), content_type=SSE_MEDIA_TYPE), continued.run.id)
        return _whole(whole, continued.run.id)
    handle, reader = continued.handle, _reader(continued.action.id)
    if body["stream"]:
        return stream(handle, _projection(body, reader), cancel_on_disconnect=cancels_on_disconnect())
    run = wait_for_end(handle, cancel_on_disconnect=cancels_on_disconnect())
    return _whole(read_completion(run, handle.follow(0, heartbeat=NO_HEARTBEAT), reader), run.id)


def _projection(body: dict[str, Any], reader: AnswerReader) -> ChatProjection:
    options = body.get("stream_options") or {}
    return ChatProjection(body["model"], reader, include_usage=bool(options.get("include_usage")))


def _reader(after_action: str | None = None) -> AnswerReader:
    show_tools = this_request().headers.get(SHOW_TOOLS) == "1"
    return AnswerReader(after_action=after_action, show_tools=show_tools, waiting=waiting_template())


def _whole(found: dict[str, Any] | RunError, run_id: str) -> Response:
    return _with_run(run_error_response(found) if isinstance(found, RunError) else json_response(found), run_id)


def _with_run(response: Response, run_id: str) -> Response:
    response.headers["X-Run-ID"] = run_id
    return response


def _in_session(response: Response, session_id: str | None) -> Response:
    if session_id is not None:
        response.headers[SESSION_HEADER] = session_id
    return response
