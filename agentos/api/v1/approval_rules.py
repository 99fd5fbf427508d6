"""Decisions that approvers let hold for a session: listed and revoked."""

from __future__ import annotations

from typing import Any

from flask import Response

from agentos.api.kit.callers import caller
from agentos.api.kit.cursors import encode_cursor
from agentos.api.kit.path_parameters import PathParameter
from agentos.api.kit.routes import ResponseSpec, Routes, json_response, services
from agentos.api.v1.schemas.approval_rules import ApprovalRuleListSchema
from agentos.api.v1.schemas.queries import ApprovalRuleQuery
from agentos.api.v1.schemas.sessions import DeletedSchema
from agentos.api.v1.serializers import approval_rule_json
from agentos.errors import NotFound
from agentos.services.approval_rules import RuleFilter
from agentos.storage.paging import Paging

routes = Routes(
    "approval_rules",
    "Decisions about approvals that hold for later calls of a session.",
    path_parameters={"rule_id": PathParameter("The remembered decision's id.")},
)


@routes.get(
    "/api/v1/approvals/rules",
    access=("runs:read", "runs:approve:any"),
    query=ApprovalRuleQuery,
    responses={200: ResponseSpec("A part of the list.", ApprovalRuleListSchema)},
)
def list_approval_rules(query: dict[str, Any]) -> Response:
    """List remembered decisions.

    The newest come first. Filters are exact and and-ed. One ends with its session, and when its tool has another
    schema. With scope `runs:approve:any`, those in sessions of every owner are in it.
    """
    where = RuleFilter(session_id=query.get("session_id"), agent_id=query.get("agent_id"), tool=query.get("tool"))
    paging = Paging(limit=query["limit"], cursor=query.get("cursor"))
    page = services().approval_rules.list(where, paging, caller())
    answer: dict[str, Any] = {"rules": [approval_rule_json(one) for one in page.items], "count": len(page.items)}
    if page.next_cursor is not None:
        answer["next_cursor"] = encode_cursor("rule", page.next_cursor)
    return json_response(answer)


@routes.delete(
    "/api/v1/approvals/rules/{rule_id}",
    access="runs:approve",
    audit="rule.revoke",
    responses={200: ResponseSpec("It is gone.", DeletedSchema)},
    errors=(NotFound,),
)
def revoke_approval_rule(rule_id: str) -> Response:
    """Revoke a remembered decision: the next call that it would have decided waits again."""
    services().approval_rules.revoke(rule_id, caller())
    return json_response({"message": "rule revoked"})
