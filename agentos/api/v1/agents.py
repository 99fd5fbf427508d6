"""Agents: those that are there, and registering more while the server runs."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for

from agentos.api.kit.auditing import note_audit
from agentos.api.kit.callers import caller
from agentos.api.kit.etags import agent_etag
from agentos.api.kit.paging import page_json
from agentos.api.kit.routes import ResponseSpec, Routes, json_response, services
from agentos.api.v1.agent_responses import ETAG, IF_MATCH, agent_response, expected_agent_version
from agentos.api.v1.schemas.agents import AgentChangesSchema, AgentDefinitionSchema, AgentDetailSchema, AgentListSchema
from agentos.api.v1.schemas.queries import AgentQuery
from agentos.api.v1.schemas.sessions import DeletedSchema
from agentos.api.v1.serializers import agent_json
from agentos.errors import AgentExists, AgentNotFound, PreconditionFailed

routes = Routes("agents", "What answers: a model, instructions and tools. Never a conversation.")

PIECE = 20
"""Agents that are read at once. The database looks into each definition, which may have a megabyte."""

LINKS = {
    name: {"agent_id": "$response.body#/id"}
    for name in ("get_agent", "replace_agent", "delete_agent", "run_agent", "stream_agent", "list_agent_versions")
}


@routes.get(
    "/api/v1/agents",
    access="agents:read",
    query=AgentQuery,
    responses={200: ResponseSpec("A part of the list.", AgentListSchema)},
)
def list_agents(query: dict[str, Any]) -> Response:
    """List agents, by id.

    Those of code and plugins and the stored ones are one list. It is stable while agents are added, if it is read with
    `cursor`.
    """
    return json_response(page_json("agent", query, services().agents.list, agent_json, piece=PIECE))


@routes.post(
    "/api/v1/agents",
    access="agents:write",
    audit="agent.create",
    body=AgentDefinitionSchema,
    responses={
        201: ResponseSpec(
            "The agent is registered.",
            AgentDetailSchema,
            headers={"Location": "The agent's address.", **ETAG},
            links=LINKS,
        )
    },
    errors=(AgentExists,),
)
def register_agent(body: dict[str, Any]) -> Response:
    """Register an agent.

    It is stored; every worker serves it within two seconds, restarts included.
    """
    note_audit(body["id"])
    comment = body.pop("comment", None)
    agent = services().agents.register(body, author=caller().id, comment=comment)
    note_audit(version=agent.version)
    return agent_response(agent, 201, {"Location": url_for("agents.get_agent", agent_id=agent.id)})


@routes.get(
    "/api/v1/agents/{agent_id}",
    access="agents:read",
    responses={
        200: ResponseSpec("The agent.", AgentDetailSchema, sometimes=ETAG),
        304: ResponseSpec("It is as `If-None-Match` says.", headers=ETAG),
    },
    request_headers={"If-None-Match": "Tags that the client has: 304 if one is the present one."},
    errors=(AgentNotFound,),
)
def get_agent(agent_id: str) -> Response:
    """Read an agent.

    A stored one has a version and a tag.
    """
    agent = services().agents.get(agent_id)
    if agent.version is not None and request.if_none_match.contains_weak(agent_etag(agent)):
        answer = Response(status=304)
        answer.set_etag(agent_etag(agent))
        return answer
    return agent_response(agent)


@routes.put(
    "/api/v1/agents/{agent_id}",
    access="agents:write",
    audit="agent.update",
    body=AgentChangesSchema,
    responses={200: ResponseSpec("The agent as it is now.", AgentDetailSchema, headers=ETAG)},
    request_headers=IF_MATCH,
    errors=(AgentNotFound, AgentExists, PreconditionFailed),
)
def replace_agent(agent_id: str, body: dict[str, Any]) -> Response:
    """Replace an agent's whole definition.

    Adds a version, unless the definition is the same. Runs that are under way or wait keep the version that they began
    with. Agents that code or a plugin registered are read-only.
    """
    comment = body.pop("comment", None)
    version = expected_agent_version(request, agent_id)
    agent = services().agents.replace(agent_id, body, expected_version=version, author=caller().id, comment=comment)
    note_audit(version=agent.version)
    return agent_response(agent)


@routes.delete(
    "/api/v1/agents/{agent_id}",
    access="agents:write",
    audit="agent.delete",
    responses={200: ResponseSpec("It is gone.", DeletedSchema)},
    errors=(AgentNotFound, AgentExists),
)
def delete_agent(agent_id: str) -> Response:
    """Delete an agent.

    Its versions go too. Its sessions and runs stay; a run that waits ends with an error when it is to continue. Agents
    that code or a plugin registered are read-only.
    """
    services().agents.delete(agent_id)
    return json_response({"message": "agent deleted"})
