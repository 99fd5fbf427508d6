"""What was said in a session: its history and its summary."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Response, url_for

from agentos.api.kit.callers import caller
from agentos.api.kit.paging import LARGEST
from agentos.api.kit.routes import ResponseSpec, Routes, json_response, services
from agentos.api.kit.stream_limits import take_place
from agentos.api.v1.schemas.queries import HistoryQuery, SummaryQuery
from agentos.api.v1.schemas.sessions import AcceptedSchema, HistorySchema, SummaryAnswerSchema, SummaryRequestSchema
from agentos.api.v1.serializers import message_json, run_json, summary_json
from agentos.errors import AgentNotFound, ExecutionError, SessionNotFound, SummaryNotFound, TooManyStreams

routes = Routes("history", "What was said in a session, and what it was about.")

PIECE = 32
"""Messages that are read at once, with their runs: those of 16 runs at most, nearly always."""


@routes.get(
    "/api/v1/sessions/{session_id}/history",
    access="sessions:read",
    query=HistoryQuery,
    responses={200: ResponseSpec("A part of the transcript.", HistorySchema)},
    errors=(SessionNotFound,),
)
def get_session_history(session_id: str, query: dict[str, Any]) -> Response:
    """Read what was said in a session.

    The last messages, oldest first; `before` pages back. There may be fewer than were asked for, and `next_before`,
    where they are large.
    """
    messages: list[orjson.Fragment] = []
    runs: dict[str, orjson.Fragment] = {}
    size, left, before = 0, query["num_messages"], query.get("before")
    # In pieces from the end on, so that no more than one of them is in memory beside the answer.
    while True:
        part = services().sessions.history(session_id, caller(), limit=min(PIECE, left), before=before)
        said = [orjson.dumps(message_json(stored)) for stored in part.messages]
        # A run with messages in two pieces is in both.
        made = {run.id: orjson.dumps(run_json(run)) for run in part.runs}
        messages[:0] = map(orjson.Fragment, said)
        runs = {**{id: orjson.Fragment(encoded) for id, encoded in made.items()}, **runs}
        size += sum(map(len, said)) + sum(map(len, made.values()))
        left -= len(said)
        before = part.messages[0].sequence if part.messages else 1
        if before <= 1 or left <= 0 or size > LARGEST:
            break
    answer: dict[str, Any] = {"session_id": session_id, "messages": messages, "runs": list(runs.values())}
    if before > 1:
        answer["next_before"] = before
    return json_response(answer)


@routes.post(
    "/api/v1/sessions/{session_id}/summary",
    access="sessions:write",
    query=SummaryQuery,
    body=SummaryRequestSchema,
    body_required=False,
    responses={
        200: ResponseSpec("The new summary.", SummaryAnswerSchema),
        202: ResponseSpec(
            "With `async`: it is being made.",
            AcceptedSchema,
            headers={"Location": "Where the summary will be."},
        ),
    },
    errors=(SessionNotFound, AgentNotFound, ExecutionError, TooManyStreams),
)
def make_session_summary(session_id: str, query: dict[str, Any], body: dict[str, Any]) -> Response:
    """Summarise a session.

    The session's agent's model does it. `async` may be given in the query or in the body.
    """
    if query["later"] or body["later"]:
        services().summaries.make_later(session_id, caller())
        where = url_for("history.get_session_summary", session_id=session_id)
        return json_response({"message": "the summary is being made"}, 202, {"Location": where})
    with take_place():
        return json_response({"summary": summary_json(services().summaries.make(session_id, caller()))})


@routes.get(
    "/api/v1/sessions/{session_id}/summary",
    access="sessions:read",
    responses={200: ResponseSpec("The summary.", SummaryAnswerSchema)},
    errors=(SessionNotFound, SummaryNotFound),
)
def get_session_summary(session_id: str) -> Response:
    """Read a session's last summary."""
    return json_response({"summary": summary_json(services().summaries.get(session_id, caller()))})
