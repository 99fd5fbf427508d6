"""Answers a chat request, in any protocol: with a new run, or with one that its client's results continue."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

from flask import Response

from agentos.api.kit.callers import caller
from agentos.api.kit.chat.answer import AnswerReader
from agentos.api.kit.chat.call_ids import CallIds
from agentos.api.kit.chat.continuing import ContinuedRun, continue_run, end_pause_of
from agentos.api.kit.chat.disconnects import cancels_on_disconnect
from agentos.api.kit.chat.places import in_their_places
from agentos.api.kit.chat.request import ChatRequest, run_request
from agentos.api.kit.chat.results import end_pause_of_session
from agentos.api.kit.chat.sessions import SESSION_HEADER
from agentos.api.kit.chat.waiting import waiting_text
from agentos.api.kit.chat.whole import WholeAnswer, is_plain, plain_answer, read_answer
from agentos.api.kit.current import this_request
from agentos.api.kit.errors import run_error_response
from agentos.api.kit.idempotency import replayed_header
from agentos.api.kit.pending import pending_actions
from agentos.api.kit.plugin_server import server
from agentos.api.kit.routes import json_response
from agentos.api.kit.run_answers import start_and_stream, start_and_wait, stream, wait_for_end
from agentos.domain.run import Run, RunError
from agentos.domain.run_request import RunRequest
from agentos.errors import (
    AgentNotFound,
    AgentOSError,
    EventsExpired,
    ExecutionError,
    IdempotencyConflict,
    IdempotencyMismatch,
    InvalidMedia,
    PendingExpired,
    RunCancelled,
    RunNotFound,
    SessionBusy,
    SessionNotFound,
    ShuttingDown,
    TooManyStreams,
)
from agentos.events.projection import Projection

SHOW_TOOLS = "X-AgentOS-Show-Tools"
"""The header of a client that wants to see calls of the agent's own tools."""

CHAT_ERRORS: tuple[type[AgentOSError], ...] = (
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
)
"""What :func:`answer_chat` may raise, or answer as the error of a run: an operation declares them."""

RUN_ID = "X-Run-ID"
NO_HEARTBEAT = 60.0


class ChatDialect(Protocol):
    """What is one protocol's own in an answer. A door makes one for each request."""

    @property
    def calls(self) -> CallIds:
        """The ids of calls of the client's tools."""

    @property
    def waiting(self) -> str | None:
        """The text for a run that waits for a person; ``None`` where clients are shown none."""

    @property
    def instructions_field(self) -> str:
        """The field of a request that has instructions, for the header of ignored fields."""

    @property
    def form_field(self) -> str:
        """The field of a request that asks for a form of the answer."""

    def projection(self, reader: AnswerReader) -> Projection:
        """Return what renders the answer as a stream."""

    def whole(self, run: Run, answer: WholeAnswer) -> Mapping[str, Any]:
        """Return an answer that is whole as JSON."""

    def stream_of(self, run: Run, answer: WholeAnswer) -> bytes:
        """Return an answer that is whole as the body of a stream."""


def answer_chat(chat: ChatRequest, dialect: ChatDialect) -> Response:
    """Answer a chat request.

    A conversation that ends with results of the client's tools continues the run that waits for them. A conversation
    that goes another way ends that run's pause. Raises what :func:`start_and_stream` and :func:`start_and_wait` raise,
    with the client's names of the messages.
    """
    with in_their_places(chat.places):
        return _answered(chat, dialect)


def _answered(chat: ChatRequest, dialect: ChatDialect) -> Response:
    instructions, form = dialect.instructions_field, dialect.form_field
    continued = continue_run(chat, dialect.calls, instructions=instructions, form=form)
    if continued is not None:
        try:
            return _in_session(_continued(chat, dialect, continued), continued.run.session_id)
        except EventsExpired:
            pass  # what it answered then cannot be said again
    end_pause_of(chat, dialect.calls)
    wanted = run_request(chat)
    answer = partial(_stream if chat.streamed else _wait, dialect)
    try:
        response = answer(wanted)
    except SessionBusy as busy:
        if not end_pause_of_session(busy):
            raise
        response = answer(wanted)
    return _in_session(response, wanted.session_id)


def _stream(dialect: ChatDialect, wanted: RunRequest) -> Response:
    projection = dialect.projection(_reader(dialect))
    return start_and_stream(wanted, projection, cancel_on_disconnect=cancels_on_disconnect())


def _wait(dialect: ChatDialect, wanted: RunRequest) -> Response:
    run, replayed = start_and_wait(wanted, cancel_on_disconnect=cancels_on_disconnect())
    # A repeat with the same key gets the same error.
    response = _ended(dialect, run, replayed=replayed, repeatable=wanted.idempotency is None)
    response.headers.update(replayed_header(replayed))
    return response


def _ended(dialect: ChatDialect, run: Run, *, replayed: bool, repeatable: bool) -> Response:
    if is_plain(run):
        return _whole(dialect, run, plain_answer(run))
    if run.error is not None and not replayed:
        return _whole(dialect, run, run.error, repeatable=repeatable)
    # To a repeat, the error may be none of its own: the run answered the request with calls, and failed later.
    try:
        frames = server().runs.open(run.id, caller()).follow(0, heartbeat=NO_HEARTBEAT)
        found = read_answer(run, frames, _reader(dialect))
    except EventsExpired:
        if run.error is None:
            raise
        found = run.error
    return _whole(dialect, run, found, repeatable=repeatable)


def _continued(chat: ChatRequest, dialect: ChatDialect, continued: ContinuedRun) -> Response:
    run = continued.run
    if continued.waits_for:
        answer = _waiting_answer(dialect, continued)
        if chat.streamed:
            body = dialect.stream_of(run, answer)
            media_type = dialect.projection(_reader(dialect)).media_type
            return Response(body, content_type=media_type, headers={RUN_ID: run.id})
        return _whole(dialect, run, answer)
    handle, reader = continued.handle, _reader(dialect, continued.action.id)
    if chat.streamed:
        return stream(handle, dialect.projection(reader), cancel_on_disconnect=cancels_on_disconnect())
    run = wait_for_end(handle, cancel_on_disconnect=cancels_on_disconnect())
    found = read_answer(run, handle.follow(0, heartbeat=NO_HEARTBEAT), reader)
    return _whole(dialect, run, found, repeatable=continued.repeatable)


def _waiting_answer(dialect: ChatDialect, continued: ContinuedRun) -> WholeAnswer:
    """Return the answer to a client that has given its results, of a run that waits for a person besides."""
    ids = {action.id for action in continued.waits_for}
    pending = [action for action in pending_actions(continued.run) if action["id"] in ids]
    text = waiting_text(dialect.waiting, continued.run.id, pending)
    return WholeAnswer(pieces=[(text, False)] if text else [], first_action=len(continued.handle.actions()))


def _reader(dialect: ChatDialect, after_action: str | None = None) -> AnswerReader:
    show_tools = this_request().headers.get(SHOW_TOOLS) == "1"
    return AnswerReader(dialect.calls, after_action=after_action, show_tools=show_tools, waiting=dialect.waiting)


def _whole(dialect: ChatDialect, run: Run, found: WholeAnswer | RunError, *, repeatable: bool = True) -> Response:
    """Answer with a run; ``repeatable`` is whether the same request, sent again, gets another answer than its error."""
    if isinstance(found, RunError):
        made = run_error_response(found, final=not repeatable)
    else:
        made = json_response(dialect.whole(run, found))
    made.headers[RUN_ID] = run.id
    return made


def _in_session(response: Response, session_id: str | None) -> Response:
    if session_id is not None:
        response.headers[SESSION_HEADER] = session_id
    return response
