"""Agents as answers, with the tag of a stored one; and what ``If-Match`` asks of it."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Request, Response

from agentos.api.kit.etags import agent_etag, expected_version
from agentos.api.kit.routes import json_response, services
from agentos.api.v1.serializers import agent_detail_json
from agentos.services.agent_info import AgentInfo

ETAG = {"ETag": "The tag of a stored agent, for `If-Match` and `If-None-Match`."}
IF_MATCH = {"If-Match": "Change it only if its present tag is one of these; `*`: if it is there."}


def agent_response(agent: AgentInfo, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an agent as an answer."""
    answer = json_response(agent_detail_json(agent), status, headers)
    if agent.version is not None:
        answer.set_etag(agent_etag(agent))
    return answer


def expected_agent_version(request: Request, agent_id: str) -> int | None:
    """Return the version that ``If-Match`` asks for, if it does. Raises ``AgentExists`` for a read-only agent."""
    services().agents.refuse_read_only(agent_id, by_operator=False)
    return expected_version(request, lambda: services().agents.get(agent_id), agent_etag)
