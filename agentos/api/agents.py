"""Agents: those that are there, and registering more while the server runs."""

from __future__ import annotations

from typing import Any

from flask import Response, url_for

from agentos.api.representations import agent_detail_json, agent_json
from agentos.api.routes import Answer, Routes, json_answer, services
from agentos.api.schemas.agents import (
    AgentChangesSchema,
    AgentDefinitionSchema,
    AgentDetailSchema,
    AgentListSchema,
)
from agentos.api.schemas.sessions import DeletedSchema
from agentos.errors import AgentExists, AgentNotFound

routes = Routes("agents", "What answers: a model, instructions and tools. Never a conversation.")

LINKS = {
    name: {"agent_id": "$response.body#/id"}
    for name in ("get_agent", "replace_agent", "delete_agent", "run_agent", "stream_agent")
}


@routes.get(
    "/api/v1/agents", access="agents:read", answers={200: Answer(description="All agents.", schema=AgentListSchema)}
)
def list_agents() -> Response:
    """List all agents, by id."""
    agents = [agent_json(agent) for agent in services().agents.list()]
    return json_answer({"agents": agents, "count": len(agents)})


@routes.post(
    "/api/v1/agents",
    access="agents:write",
    body=AgentDefinitionSchema,
    answers={
        201: Answer(
            description="The agent is registered.",
            schema=AgentDetailSchema,
            headers={"Location": "The agent's address."},
            links=LINKS,
        )
    },
    errors=(AgentExists,),
)
def register_agent(body: dict[str, Any]) -> Response:
    """Register an agent.

    It is stored; every worker serves it within two seconds, restarts included.
    """
    agent = services().agents.register(body)
    return json_answer(agent_detail_json(agent), 201, {"Location": url_for("agents.get_agent", agent_id=agent.id)})


@routes.get(
    "/api/v1/agents/{agent_id}",
    access="agents:read",
    answers={200: Answer(description="The agent.", schema=AgentDetailSchema)},
    errors=(AgentNotFound,),
)
def get_agent(agent_id: str) -> Response:
    """Read an agent."""
    return json_answer(agent_detail_json(services().agents.get(agent_id)))


@routes.put(
    "/api/v1/agents/{agent_id}",
    access="agents:write",
    body=AgentChangesSchema,
    answers={200: Answer(description="The agent as it is now.", schema=AgentDetailSchema)},
    errors=(AgentNotFound, AgentExists),
)
def replace_agent(agent_id: str, body: dict[str, Any]) -> Response:
    """Replace an agent's whole definition.

    Agents that code or a plugin registered are read-only.
    """
    return json_answer(agent_detail_json(services().agents.replace(agent_id, body)))


@routes.delete(
    "/api/v1/agents/{agent_id}",
    access="agents:write",
    answers={200: Answer(description="It is gone.", schema=DeletedSchema)},
    errors=(AgentNotFound, AgentExists),
)
def delete_agent(agent_id: str) -> Response:
    """Delete an agent.

    Its sessions and runs stay. Agents that code or a plugin registered are read-only.
    """
    services().agents.delete(agent_id)
    return json_answer({"message": "agent deleted"})
