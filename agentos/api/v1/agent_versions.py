"""Versions of stored agents: list, read and compare them, and go back to one."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from flask import Response, request

from agentos.api.kit.auditing import note_audit
from agentos.api.kit.callers import caller
from agentos.api.kit.paging import page_json
from agentos.api.kit.path_parameters import PathParameter
from agentos.api.kit.routes import ResponseSpec, Routes, json_response, services
from agentos.api.v1.agent_responses import ETAG, IF_MATCH, agent_response, expected_agent_version
from agentos.api.v1.definitions import version_diff_json
from agentos.api.v1.schemas.agent_versions import (
    AgentVersionDetailSchema,
    AgentVersionDiffSchema,
    AgentVersionListSchema,
    RollbackSchema,
)
from agentos.api.v1.schemas.agents import AgentDetailSchema
from agentos.api.v1.schemas.queries import AgentVersionDiffQuery, AgentVersionQuery
from agentos.api.v1.serializers import agent_version_detail_json, agent_version_json
from agentos.errors import AgentExists, AgentNotFound, AgentVersionNotFound, PreconditionFailed

routes = Routes(
    "agent versions",
    "What stored agents were, and are: each change adds a version, which never changes.",
    path_parameters={
        "version": PathParameter("The version's number: 1, 2, 3 …", pattern="^[1-9][0-9]{0,9}$"),
    },
)

PIECE = 100
"""Versions that are read at once for a list; each holds little more than its comment."""


@routes.get(
    "/api/v1/agents/{agent_id}/versions",
    access="agents:read",
    query=AgentVersionQuery,
    responses={200: ResponseSpec("A part of the list.", AgentVersionListSchema)},
    errors=(AgentNotFound,),
)
def list_agent_versions(agent_id: str, query: dict[str, Any]) -> Response:
    """List the versions of an agent.

    The newest comes first. Agents that code or a plugin registered have none: the list is empty.
    """
    read = partial(services().agent_versions.list, agent_id)
    return json_response(page_json("version", query, read, agent_version_json, piece=PIECE))


@routes.get(
    "/api/v1/agents/{agent_id}/versions/{version}",
    access="agents:read",
    responses={200: ResponseSpec("The version.", AgentVersionDetailSchema)},
    errors=(AgentNotFound, AgentVersionNotFound),
)
def get_agent_version(agent_id: str, version: str) -> Response:
    """Read a version of an agent, with its definition."""
    return json_response(agent_version_detail_json(services().agent_versions.get(agent_id, _number(agent_id, version))))


@routes.get(
    "/api/v1/agents/{agent_id}/versions/{version}/diff",
    access="agents:read",
    query=AgentVersionDiffQuery,
    responses={200: ResponseSpec("In what the two differ.", AgentVersionDiffSchema)},
    errors=(AgentNotFound, AgentVersionNotFound),
)
def diff_agent_versions(agent_id: str, version: str, query: dict[str, Any]) -> Response:
    """Compare a version of an agent with another one.

    The changes lead from `{version}` to `to`, which is the present version if it is absent. They are a JSON Patch
    (RFC 6902) with the old values beside the new ones. A list is one value, and the order of keys does not count.
    """
    diff = services().agent_versions.diff(agent_id, _number(agent_id, version), query.get("to"))
    return json_response(version_diff_json(diff))


@routes.post(
    "/api/v1/agents/{agent_id}/rollback",
    access="agents:write",
    audit="agent.rollback",
    body=RollbackSchema,
    responses={200: ResponseSpec("The agent as it is now.", AgentDetailSchema, headers=ETAG)},
    request_headers=IF_MATCH,
    errors=(AgentNotFound, AgentVersionNotFound, AgentExists, PreconditionFailed),
)
def rollback_agent(agent_id: str, body: dict[str, Any]) -> Response:
    """Go back to an earlier version of an agent.

    Its definition is stored as a new version; nothing is deleted. It is checked as every definition is: what cannot
    run any more is refused.
    """
    note_audit(to=body["version"])
    agent = services().agent_versions.rollback(
        agent_id,
        body["version"],
        expected_version=expected_agent_version(request, agent_id),
        author=caller().id,
        comment=body.get("comment"),
    )
    note_audit(version=agent.version)
    return agent_response(agent)


def _number(agent_id: str, text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,9}", text, re.ASCII):
        raise AgentVersionNotFound(agent_id, text)
    return int(text)
