"""Checks definitions of agents before they are stored: who may say what, sizes, and whether each part is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentos.config import Config
from agentos.domain.agent import Agent
from agentos.domain.agent_document import agent_document, agent_from_document
from agentos.domain.agent_parameters import check_parameters_of_client
from agentos.domain.guest_document import guest_document, guest_from_document, is_guest_document
from agentos.errors import ExecutionError, InvalidRequest
from agentos.json_schema.check import SchemaRefused, check_schema
from agentos.models.catalog import Catalog
from agentos.services.agent_tools import AgentTools
from agentos.services.size_limits import SizeLimits

GUEST_REFUSED = (
    "is not accepted over HTTP: a guest names a module and an interpreter, so to store one is to run code on the"
    " server's machine; declare it there, in code, in a plugin, or with `flask agentos register ID --guest`"
)


class AgentDocuments:
    """Turns what was given into what is stored. A client may say less than the server's operator."""

    def __init__(self, tools: AgentTools, catalog: Catalog, config: Config) -> None:
        self._tools = tools
        self._catalog = catalog
        self._sizes = SizeLimits(config)

    def checked(self, document: Mapping[str, Any], comment: str | None, *, by_operator: bool) -> dict[str, Any]:
        """Return a definition without its defaults; raise ``InvalidRequest`` for what is not accepted."""
        if is_guest_document(document):
            return self._checked_guest(document, comment, by_operator=by_operator)
        parameters = document.get("parameters")
        if not by_operator and isinstance(parameters, Mapping):
            self._sizes.check_object("parameters", parameters)
            check_parameters_of_client(parameters)
        agent = agent_from_document(document)
        self._sizes.check_agent(document)
        self._sizes.check_comment(comment)
        check_output_schema(agent)
        try:
            self._catalog.check(agent.model)
        except ExecutionError as error:
            raise InvalidRequest(f"agent {agent.id!r}: {error.message}") from error
        self._tools.check(agent)
        return agent_document(agent)

    def _checked_guest(self, document: Mapping[str, Any], comment: str | None, *, by_operator: bool) -> dict[str, Any]:
        refuse_guest(document, by_operator=by_operator)
        guest = guest_from_document(document)
        self._sizes.check_agent(document)
        self._sizes.check_comment(comment)
        return guest_document(document["id"], guest)


def refuse_guest(document: Mapping[str, Any], *, by_operator: bool) -> None:
    """Raise ``InvalidRequest`` for the definition of a guest, unless the server's operator stores it."""
    if is_guest_document(document) and not by_operator:
        raise InvalidRequest(f"field 'guest' {GUEST_REFUSED}", details={"fields": {"guest": GUEST_REFUSED}})


def check_output_schema(agent: Agent) -> None:
    """Raise ``InvalidRequest`` for an output schema that is not accepted."""
    if agent.output_schema is None:
        return
    try:
        check_schema(agent.output_schema)
    except SchemaRefused as error:
        words = f"is no JSON schema that is accepted, {error}"
        raise InvalidRequest(f"field 'output_schema' {words}", details={"fields": {"output_schema": words}}) from None
