"""Agents: those of code and plugins, those that were registered while the server runs, and what makes them run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from agentos.config import Config
from agentos.domain.agent import Agent, AnyAgent, StreamingAgent, is_async
from agentos.domain.guest import Guest
from agentos.domain.guest_document import is_guest_document
from agentos.domain.times import utc_now
from agentos.errors import AgentExists, AgentFailed, AgentNotFound, ConfigError, InvalidRequest, RequestError
from agentos.execution.run_limits import agent_setting
from agentos.guests.pools import GuestPools
from agentos.models.catalog import Catalog
from agentos.registry import Entry, Registry
from agentos.runtime.before_model_call import BeforeModelCall
from agentos.runtime.loop import ModelAgent
from agentos.services.agent_documents import AgentDocuments, check_output_schema
from agentos.services.agent_info import AgentInfo, registered_info, stored_info
from agentos.services.agent_lists import part_of_list
from agentos.services.agent_tools import AgentTools
from agentos.services.guests import GuestService
from agentos.services.stored_agents import StoredAgents
from agentos.storage.agents import StoredAgent
from agentos.storage.interface import Storage
from agentos.storage.paging import Cursor, Page, Paging
from agentos.tools.executor import ToolExecutor

ASSISTANT = "assistant"
"""The id of the built-in agent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What a run of an agent may do differently: the overrides that it allows, and its own instructions.

    The override ``instructions`` takes the place of the agent's; a door that wants to add to them repeats these first.
    """

    allow_overrides: tuple[str, ...]
    instructions: str = ""


class AgentService:
    """Finds agents by id. An id that code or a plugin took is read-only, even if an agent is stored under it."""

    def __init__(
        self,
        storage: Storage,
        registered: Registry[AnyAgent],
        tools: AgentTools,
        catalog: Catalog,
        config: Config,
        *,
        guests: GuestService | None = None,
        executor: ToolExecutor | None = None,
        before_model_call: BeforeModelCall | None = None,
    ) -> None:
        self._storage = storage
        self._registered = registered
        self.tools = tools
        """Finds the tools of agents, and those that there are."""
        self._catalog = catalog
        self._config = config
        self._documents = AgentDocuments(tools, catalog, config)
        self.executor = executor or ToolExecutor(config.tool_timeout)
        """What calls the tools of all agents."""
        self._before_model_call = before_model_call
        self._prepared: dict[str, StreamingAgent] = {}
        self.guests = guests or GuestService(GuestPools(), config)
        """What runs agents in guest processes."""
        self._stored = StoredAgents(storage, tools, self._runnable, self.guests.hosted)

    # --- what there is -------------------------------------------------------------------------------------------

    def list(self, paging: Paging = Paging()) -> Page[AgentInfo]:  # noqa: B008 - frozen
        """Return a part of all agents, by the code points of their ids; of stored ones without their ``document``."""
        ids, stored = part_of_list(self._storage, self._registered.names(), paging)
        page = ids[: paging.limit]
        agents = [replace(stored_info(stored[id]), document={}) if id in stored else self.get(id) for id in page]
        return Page(agents, Cursor.of_id(agents[-1].id) if len(ids) > paging.limit else None)

    def get(self, agent_id: str) -> AgentInfo:
        """Return one agent; raises :class:`~agentos.errors.AgentNotFound`."""
        entry = self._registered.get(agent_id)
        if entry is not None:
            return registered_info(entry.name, entry.value, entry.source)
        stored = self._storage.agents.get(agent_id)
        if stored is None:
            raise AgentNotFound(agent_id)
        return stored_info(stored)

    def used_providers(self) -> set[str]:
        """Return the prefixes of the model providers that agents use. Reads all stored agents."""
        found: set[str] = set()
        paging = Paging(limit=500)
        while True:
            page = self.list(paging)
            found |= {agent.model.partition(":")[0] for agent in page.items if agent.model}
            if page.next_cursor is None:
                return found
            paging = Paging(limit=500, cursor=page.next_cursor)

    def registered_ids(self) -> tuple[str, ...]:
        """Return the sorted ids of the agents that code and plugins registered. Asks no database."""
        return tuple(self._registered.names())

    def registered_tools(self) -> tuple[str, ...]:
        """Return the sorted names by which models know the tools that code and plugins registered."""
        return tuple(self.tools.registered())

    def example(self) -> AgentInfo | None:
        """Return an agent to try first: the assistant, else the first of code and plugins. Asks no database."""
        names = self._registered.names()
        return self.get(ASSISTANT if ASSISTANT in names else names[0]) if names else None

    def check(self, agent: Agent) -> None:
        """Raise an :class:`~agentos.errors.AgentOSError` for an agent that cannot run here. Makes no provider."""
        check_output_schema(agent)
        self._catalog.check(agent.model)
        self.tools.check(agent)

    # --- registration while the server runs ------------------------------------------------------------------------

    def register(
        self,
        document: Mapping[str, Any],
        *,
        author: str | None = None,
        comment: str | None = None,
        by_operator: bool = False,
    ) -> AgentInfo:
        """Store a new agent. Raises ``InvalidRequest``, or :class:`~agentos.errors.AgentExists`.

        A client may say less in ``parameters`` than the server's operator
        (:func:`~agentos.domain.agent_parameters.check_parameters_of_client`). ``author`` (a caller's ``id``) and
        ``comment`` are of the version.
        """
        stored = self._storage.agents.add(
            self._checked(document, comment, by_operator=by_operator),
            author=author,
            comment=comment,
            keep=self._config.agent_versions,
        )
        if stored is None:
            raise AgentExists(f"agent {document['id']!r} is already registered; PUT (or --update) replaces it")
        self._stored.forget(stored.id)
        return stored_info(stored)

    def replace(
        self,
        agent_id: str,
        document: Mapping[str, Any],
        *,
        expected_version: int | None = None,
        author: str | None = None,
        comment: str | None = None,
        by_operator: bool = False,
    ) -> AgentInfo:
        """Replace a stored agent's whole definition, as :meth:`register` stores one. Raises ``AgentNotFound`` too.

        The same definition adds no version. Raises :class:`~agentos.errors.PreconditionFailed` unless the agent is at
        ``expected_version``, if one is given.
        """
        if document.get("id", agent_id) != agent_id:
            raise InvalidRequest(f"the agent's id is {document['id']!r:.150}, but the address names {agent_id!r}")
        self.refuse_read_only(agent_id, by_operator=by_operator)
        stored = self._storage.agents.replace(
            self._checked({**document, "id": agent_id}, comment, by_operator=by_operator),
            expected_version=expected_version,
            author=author,
            comment=comment,
            keep=self._config.agent_versions,
        )
        if stored is None:
            raise AgentNotFound(agent_id)
        self._stored.forget(agent_id)
        return stored_info(stored)

    def delete(self, agent_id: str, *, by_operator: bool = False) -> None:
        """Delete a stored agent with its versions; its sessions and runs stay.

        Raises ``AgentExists`` (read-only), ``AgentNotFound``.
        """
        self.refuse_read_only(agent_id, by_operator=by_operator)
        if not self._storage.agents.delete(agent_id):
            raise AgentNotFound(agent_id)
        self._stored.forget(agent_id)

    def checked_document(
        self, document: Mapping[str, Any], *, comment: str | None = None, by_operator: bool = False
    ) -> Mapping[str, Any]:
        """Return a definition as it would be stored, without its defaults; raise what :meth:`register` raises for it.

        Stores nothing, and does not look whether its id is taken.
        """
        return self._checked(document, comment, by_operator=by_operator).document

    def _checked(self, document: Mapping[str, Any], comment: str | None, *, by_operator: bool) -> StoredAgent:
        checked = self._documents.checked(document, comment, by_operator=by_operator)
        self.refuse_read_only(checked["id"], by_operator=True)
        now = utc_now()
        return StoredAgent(id=checked["id"], document=checked, created_at=now, updated_at=now)

    def refuse_read_only(self, agent_id: str, *, by_operator: bool) -> None:
        """Raise :class:`~agentos.errors.AgentExists` for an agent of code or a plugin.

        Unless ``by_operator``, also for a stored guest: what runs code on the server's machine is changed there alone.
        """
        entry = self._registered.get(agent_id)
        if entry is not None:
            raise AgentExists(f"agent {agent_id!r} is read-only: {entry.source!r} registered it in code")
        if by_operator:
            return
        stored = self._storage.agents.get(agent_id)
        if stored is not None and is_guest_document(stored.document):
            raise AgentExists(
                f"agent {agent_id!r} is read-only: it runs in a guest process, which only `flask agentos` on the"
                " server's machine declares, changes and deletes"
            )

    # --- running ---------------------------------------------------------------------------------------------------

    def resolve(self, agent_id: str, version: int | None = None) -> StreamingAgent:
        """Return the agent, ready to run; a stored one at its present version, or at the one given.

        Raises ``AgentNotFound``, ``AgentVersionNotFound``, or ``ExecutionError`` where a part is missing.
        """
        entry = self._registered.get(agent_id)
        if entry is None:
            return self._stored.resolve(agent_id, version)
        prepared = self._prepared.get(agent_id)
        if isinstance(prepared, ModelAgent):
            prepared = self.tools.current(prepared)
        elif prepared is None:
            prepared = self._made(entry)
        self._prepared[agent_id] = prepared
        return prepared

    def run_options(self, agent_id: str) -> RunOptions:
        """Return what a run of an agent may override. Raises what :meth:`resolve` raises."""
        agent = self.resolve(agent_id)
        allowed = tuple(agent_setting(agent, "allow_overrides", ()))
        own = agent.agent.instructions if isinstance(agent, ModelAgent) else ""
        return RunOptions(allow_overrides=allowed, instructions=own)

    def moved(self, agent_id: str) -> StreamingAgent | None:
        """Have an agent of code or a plugin run in a guest process from now on; ``None`` where that cannot be."""
        entry = self._registered.get(agent_id)
        if entry is None or isinstance(entry.value, Agent | Guest):
            return None
        try:
            moved = self._prepared[agent_id] = self.guests.own(entry)
        except ConfigError:
            return None
        return moved

    def _made(self, entry: Entry[AnyAgent]) -> StreamingAgent:
        agent = entry.value
        if isinstance(agent, Agent):
            return self._runnable(agent)
        if isinstance(agent, Guest):
            return self.guests.hosted(agent)
        return self.guests.own(entry) if is_async(agent) else cast(StreamingAgent, agent)

    def _runnable(self, agent: Agent) -> ModelAgent:
        try:
            check_output_schema(agent)
            provider, model = self._catalog.resolve(agent.model)
            tools, approve = self.tools.of(agent)
        except RequestError as error:
            raise AgentFailed(f"agent {agent.id!r} cannot run: {error.message}") from error
        return ModelAgent(
            agent=agent,
            provider=provider,
            model=model,
            tools=tools,
            executor=self.executor,
            approve=approve,
            max_turns=agent.max_turns or self._config.max_turns,
            retries=self._config.model_retries,
            max_output=self._config.max_output_size,
            before_model_call=self._before_model_call,
        )
