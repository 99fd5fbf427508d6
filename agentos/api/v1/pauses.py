"""Runs that wait for a person or their client: what waits, and the answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, request

from agentos.api.kit.auditing import note_audit
from agentos.api.kit.callers import caller
from agentos.api.kit.paging import page_json
from agentos.api.kit.path_parameters import PathParameter
from agentos.api.kit.routes import RUN_SOME, ResponseSpec, Routes, json_response, services
from agentos.api.v1.schemas.pauses import ApprovalListSchema, ApprovalSchema, ResumeSchema
from agentos.api.v1.schemas.queries import ApprovalQuery
from agentos.api.v1.schemas.runs import RunDetailSchema
from agentos.api.v1.serializers import approval_json, run_detail_json, waiting_json
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
from agentos.observability.audit import audited_answers
from agentos.storage.paging import Page, Paging
from agentos.storage.pauses import PendingFilter, WaitingAction

routes = Routes(
    "pauses",
    "Runs that wait for a person or their client: what for, and the answers.",
    path_parameters={"action_id": PathParameter("The action's id.")},
)

FILTERS = ("run_id", "session_id", "agent_id", "tool", "approver", "owner")
"""The filters of the list that are texts."""

PIECE = 16
"""Actions that are read at once for a list: each may bring the arguments of a call."""


@routes.post(
    "/api/v1/runs/{run_id}/resume",
    access=("runs:approve", RUN_SOME),
    audit="approval.answer",
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
    note_audit(answers=audited_answers(answers))
    run = services().runs.answer(run_id, answers, caller(), address=request.remote_addr)
    return json_response(run_detail_json(run, services().runs.decided(run, caller())), 202)


@routes.get(
    "/api/v1/approvals",
    access=("runs:read", "runs:approve:any"),
    query=ApprovalQuery,
    responses={200: ResponseSpec("A part of the list.", ApprovalListSchema)},
)
def list_approvals(query: dict[str, Any]) -> Response:
    """List what waits for an answer.

    Approvals, questions and client tools of all paused runs. Filters are exact and and-ed. What is answered or expired
    is not in it. With scope `runs:approve:any`, approvals of every owner's runs are in it.
    """
    kind = query.get("kind")
    where = PendingFilter(
        kind=None if kind is None else PendingKind(kind), **{name: query.get(name) for name in FILTERS}
    )
    oldest_first = query["order"] == "oldest"

    def read(part: Paging) -> Page[WaitingAction]:
        return services().runs.waiting(where, part, caller(), oldest_first=oldest_first)

    answer = page_json("approval", query, read, waiting_json, piece=PIECE)
    if query["include_total"]:
        answer["total"] = services().runs.count_waiting(where, caller())
    return json_response(answer)


@routes.get(
    "/api/v1/approvals/{action_id}",
    access=("runs:read", "runs:approve:any"),
    responses={200: ResponseSpec("The action.", ApprovalSchema)},
    errors=(NotFound,),
)
def get_approval(action_id: str) -> Response:
    """Read one thing that a run waits for, or waited for.

    With its answer, once there is one: who gave it, when, from where, and what was changed. With scope
    `runs:approve:any`, an approval of every owner's run. What had no answer when its run ended is gone.
    """
    return json_response(approval_json(services().runs.action(action_id, caller())))


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
