"""What was said in a session: its history and its summary."""

from __future__ import annotations

from typing import Any

from flask import Response, url_for

from agentos.api.representations import message_json, run_json, summary_json
from agentos.api.routes import Answer, Routes, json_answer, services
from agentos.api.schemas.query_fields import HistoryQuery, SummaryQuery
from agentos.api.schemas.sessions import AcceptedSchema, HistorySchema, SummaryAnswerSchema, SummaryRequestSchema
from agentos.errors import AgentNotFound, ExecutionError, SessionNotFound, SummaryNotFound

routes = Routes("history", "What was said in a session, and what it was about.")


@routes.get(
    "/api/v1/sessions/{session_id}/history",
    query=HistoryQuery,
    answers={200: Answer(description="A part of the transcript.", schema=HistorySchema)},
    errors=(SessionNotFound,),
)
def get_session_history(session_id: str, query: dict[str, Any]) -> Response:
    """Read what was said in a session.

    The last messages, oldest first; `before` pages back.
    """
    history = services().sessions.history(session_id, limit=query["num_messages"], before=query.get("before"))
    answer: dict[str, Any] = {
        "session_id": session_id,
        "messages": [message_json(stored) for stored in history.messages],
        "runs": [run_json(run) for run in history.runs],
    }
    if history.messages and history.messages[0].sequence > 1:
        answer["next_before"] = history.messages[0].sequence
    return json_answer(answer)


@routes.post(
    "/api/v1/sessions/{session_id}/summary",
    query=SummaryQuery,
    body=SummaryRequestSchema,
    body_required=False,
    answers={
        200: Answer(description="The new summary.", schema=SummaryAnswerSchema),
        202: Answer(
            description="With `async`: it is being made.",
            schema=AcceptedSchema,
            headers={"Location": "Where the summary will be."},
        ),
    },
    errors=(SessionNotFound, AgentNotFound, ExecutionError),
)
def make_session_summary(session_id: str, query: dict[str, Any], body: dict[str, Any]) -> Response:
    """Summarise a session.

    The session's agent's model does it. `async` may be given in the query or in the body.
    """
    if query["later"] or body["later"]:
        services().summaries.make_later(session_id)
        where = url_for("history.get_session_summary", session_id=session_id)
        return json_answer({"message": "the summary is being made"}, 202, {"Location": where})
    return json_answer({"summary": summary_json(services().summaries.make(session_id))})


@routes.get(
    "/api/v1/sessions/{session_id}/summary",
    answers={200: Answer(description="The summary.", schema=SummaryAnswerSchema)},
    errors=(SessionNotFound, SummaryNotFound),
)
def get_session_summary(session_id: str) -> Response:
    """Read a session's last summary."""
    return json_answer({"summary": summary_json(services().summaries.get(session_id))})
