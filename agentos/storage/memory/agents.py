"""Stored agents in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from agentos.storage.agents import AgentStore, StoredAgent, listed_part
from agentos.storage.json_text import copied
from agentos.storage.memory.rows import MemoryStore


class MemoryAgentStore(MemoryStore, AgentStore):
    """Agents by id."""

    def add(self, agent: StoredAgent) -> bool:
        with self._lock:
            if agent.id in self._rows.agents:
                return False
            self._rows.agents[agent.id] = _copy(agent)
            return True

    def replace(self, agent: StoredAgent) -> bool:
        with self._lock:
            present = self._rows.agents.get(agent.id)
            if present is None:
                return False
            self._rows.agents[agent.id] = replace(_copy(agent), created_at=present.created_at)
            return True

    def get(self, agent_id: str) -> StoredAgent | None:
        with self._lock:
            agent = self._rows.agents.get(agent_id)
            return None if agent is None else _copy(agent)

    def list(
        self, *, limit: int, after: str = "", offset: int = 0, leave_out: Collection[str] = ()
    ) -> Sequence[StoredAgent]:
        with self._lock:
            agents = self._rows.agents
            ids = [agent_id for agent_id in sorted(agents) if agent_id > after and agent_id not in leave_out]
            page = [agents[agent_id] for agent_id in ids[offset : offset + limit]]
            return [replace(agent, document=copied(listed_part(agent.document))) for agent in page]

    def delete(self, agent_id: str) -> bool:
        with self._lock:
            return self._rows.agents.pop(agent_id, None) is not None


def _copy(agent: StoredAgent) -> StoredAgent:
    return replace(agent, document=copied(agent.document))
