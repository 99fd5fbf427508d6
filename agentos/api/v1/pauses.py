"""Runs that wait for a person or their client: what waits, and the answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, request

from agentos.api.kit.callers import caller
from agentos.api.kit.paging import page_json
from agentos.api.kit.routes import RUN_SOME, ResponseSpec, Routes, json_response, services
from agentos.api.v1.schemas.pauses import ApprovalListSchema, ResumeSchema
from agentos.api.v1.schemas.queries import ApprovalQuery
from agentos.api.v1.schemas.runs import RunDetailSchema
from agentos.api.v1.serializers import run_detail_json, waiting_json
from agentos.domain.pending import Answer, PendingKind
from agentos.errors import (
    AgentNotFound,
    AlreadyAnswered,
    ExecutionError,
    NotFound,
    PendingExpired,
    RunFinished,
    RunNotFound,
)
from agentos.storage.pauses import PendingFilter

routes = Routes("pauses", "Runs that wait for a person or their client: what for, and the answers.")

PIECE = 16
"""Actions that are read at once for a list: each may bring the arguments of a call."""


@routes.post(
    "/api/v1/runs/{run_id}/resume",
    access=("runs:approve", RUN_SOME),
    body=ResumeSchema,
    responses={202: ResponseSpec("The run as it is; `pending` is what still waits for an answer.", RunDetailSchema)},
    errors=(RunNotFound, NotFound, AgentNotFound, AlreadyAnswered, RunFinished, PendingExpired, ExecutionError),
)
def resume_run(run_id: str, body: dict[str, Any]) -> Response:
    """Answer what a paused run waits for.

    Answers may come singly; with the last one the run continues, at any worker. `GET /api/v1/runs/{run_id}/events`
    follows it. The same answer again changes nothing and is 202. An `approval` needs scope `runs:approve`; an `input`
    and a `client_tool` need the scope to run the agent.
    """
    answers = {one["id"]: _answer(one) for one in body["answers"]}
    return json_response(
        run_detail_json(services().runs.answer(run_id, answers, caller(), address=request.remote_addr)), 202
    )


@routes.get(
    "/api/v1/approvals",
    access=("runs:read", "runs:approve:any"),
    query=ApprovalQuery,
    responses={200: ResponseSpec("A part of the list.", ApprovalListSchema)},
)
def list_approvals(query: dict[str, Any]) -> Response:
    """List what waits for an answer.

    Approvals, questions and client tools of all paused runs, the newest first. Filters are exact and and-ed. What is
    answered or expired is not in it. With scope `runs:approve:any`, approvals of every owner's runs are in it.
    """
    kind = query.get("kind")
    where = PendingFilter(
        run_id=query.get("run_id"),
        session_id=query.get("session_id"),
        agent_id=query.get("agent_id"),
        kind=None if kind is None else PendingKind(kind),
    )
    return json_response(
        page_json(
            "approval", query, lambda part: services().runs.waiting(where, part, caller()), waiting_json, piece=PIECE
        )
    )


def _answer(given: Mapping[str, Any]) -> Answer:
    """Return an answer that the schema has accepted; whether it fits its action is asked later."""
    return Answer(
        decision=given.get("decision"),
        arguments=given.get("arguments"),
        message=given.get("message"),
        output=given.get("output"),
        error=given.get("error"),
        remember=given.get("remember"),
    )
