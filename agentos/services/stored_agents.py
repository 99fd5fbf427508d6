"""Stored agents that are ready to run: the present version of each, and earlier ones for runs that began with them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from agentos.domain.agent import Agent, StreamingAgent
from agentos.domain.agent_document import agent_from_document
from agentos.domain.guest import Guest
from agentos.domain.guest_document import guest_from_document, is_guest_document
from agentos.errors import AgentFailed, AgentNotFound, AgentVersionNotFound, RequestError
from agentos.runtime.loop import ModelAgent
from agentos.services.agent_tools import AgentTools
from agentos.storage.agents import AgentVersion, StoredAgent
from agentos.storage.interface import Storage

FRESH_FOR = 1.0
"""Seconds for which a worker believes what it read of a stored agent; the contract allows two until all know."""


@dataclass(slots=True)
class _Present:
    """A stored agent as it was read last. It may have a version that cannot run, beside others that can."""

    read_at: float
    stored: StoredAgent
    agent: StreamingAgent | None


class StoredAgents:
    """Finds stored agents and makes them ready. ``runnable`` raises ``ExecutionError`` where a part is missing.

    ``hosted`` makes what runs a guest.
    """

    def __init__(
        self,
        storage: Storage,
        tools: AgentTools,
        runnable: Callable[[Agent], ModelAgent],
        hosted: Callable[[Guest, int], StreamingAgent],
    ) -> None:
        self._storage = storage
        self._tools = tools
        self._runnable = runnable
        self._hosted = hosted
        self._present: dict[str, _Present] = {}

    def forget(self, agent_id: str) -> None:
        """Read an agent anew when it is wanted next: it was changed here."""
        self._present.pop(agent_id, None)

    def resolve(self, agent_id: str, version: int | None = None) -> StreamingAgent:
        """Return an agent at its present version, or at the one given.

        Raises ``AgentNotFound``, also for a version of an agent that was deleted; ``AgentVersionNotFound``; and
        ``ExecutionError`` where a part is missing.
        """
        present = self._present.get(agent_id)
        if present is None or time.monotonic() - present.read_at >= FRESH_FOR:
            present = self._read(agent_id, present)
        if version is not None and version != present.stored.version:
            return self._at(agent_id, version)
        if present.agent is None:
            present.agent = self._made(present.stored)
        return present.agent

    def _read(self, agent_id: str, before: _Present | None) -> _Present:
        now = time.monotonic()
        stored = self._storage.agents.get(agent_id)
        if stored is None:
            self._present.pop(agent_id, None)
            raise AgentNotFound(agent_id)
        same = before is not None and before.stored.version == stored.version
        agent = before.agent if before is not None and same else None
        if isinstance(agent, ModelAgent):
            agent = self._tools.current(agent)
        found = self._present[agent_id] = _Present(now, stored, agent)
        return found

    def _at(self, agent_id: str, version: int) -> StreamingAgent:
        # Read each time: only runs that waited or were taken over need one, and it may have been deleted meanwhile.
        found = self._storage.agents.version(agent_id, version)
        if found is None:
            raise AgentVersionNotFound(agent_id, version)
        return self._made(found)

    def _made(self, stored: StoredAgent | AgentVersion) -> StreamingAgent:
        defined = definition(stored)
        if isinstance(defined, Guest):
            return self._hosted(defined, stored.version)
        return replace(self._runnable(defined), version=stored.version)


def definition(stored: StoredAgent | AgentVersion) -> Agent | Guest:
    """Return the agent that a stored document describes; raise ``AgentFailed`` for what this version does not know."""
    try:
        if is_guest_document(stored.document):
            return guest_from_document(stored.document)
        return agent_from_document(stored.document)
    except RequestError as error:
        # Never without what it does not know: a field that is left out may be a limit.
        raise AgentFailed(
            f"agent {_id_of(stored)!r} cannot run: {error.message}; it was stored by another version of AgentOS: run"
            " that version or a newer one, or store the agent again"
        ) from error


def _id_of(stored: StoredAgent | AgentVersion) -> str:
    return stored.id if isinstance(stored, StoredAgent) else stored.agent_id
