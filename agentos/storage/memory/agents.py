"""Stored agents in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from operator import attrgetter

from agentos.storage.agents import (
    KEEP,
    AgentStore,
    AgentVersion,
    StoredAgent,
    listed_part,
    other_agent_version,
    place_of_version,
)
from agentos.storage.json_text import copied, dumps
from agentos.storage.memory.rows import MemoryStore
from agentos.storage.paging import Page, Paging, page_of

_TICK = timedelta(microseconds=1)


class MemoryAgentStore(MemoryStore, AgentStore):
    """Agents by id, and their versions."""

    def add(
        self, agent: StoredAgent, *, author: str | None = None, comment: str | None = None, keep: int = KEEP
    ) -> StoredAgent | None:
        with self._lock:
            if agent.id in self._rows.agents:
                return None
            return self._keep(agent, author, comment, keep)

    def replace(
        self,
        agent: StoredAgent,
        *,
        expected_version: int | None = None,
        author: str | None = None,
        comment: str | None = None,
        keep: int = KEEP,
    ) -> StoredAgent | None:
        with self._lock:
            present = self._rows.agents.get(agent.id)
            if present is None:
                return None
            if expected_version is not None and expected_version != present.version:
                raise other_agent_version(agent.id, present.version, expected_version)
            if dumps(present.document) == dumps(agent.document):
                return _copy(present)
            now = max(agent.updated_at, present.updated_at + _TICK)
            return self._keep(replace(agent, created_at=present.created_at, updated_at=now), author, comment, keep)

    def _keep(self, agent: StoredAgent, author: str | None, comment: str | None, keep: int) -> StoredAgent:
        """Keep an agent as its next version, and forget versions that are old."""
        number = self._rows.last_agent_versions.get(agent.id, 0) + 1
        kept = replace(_copy(agent), version=number)
        self._rows.agents[agent.id] = kept
        self._rows.last_agent_versions[agent.id] = number
        versions = self._rows.agent_versions.setdefault(agent.id, {})
        versions[number] = AgentVersion(
            agent_id=agent.id,
            version=number,
            author=author,
            comment=comment,
            created_at=agent.updated_at,
            document=kept.document,
        )
        if old := [one for one in versions if one <= number - keep]:
            in_use = {
                row.run.agent_version
                for row in self._rows.runs.values()
                if row.unfinished and row.run.agent_id == agent.id
            }
            for one in set(old) - in_use:
                del versions[one]
        return _copy(kept)

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
            part = [agents[agent_id] for agent_id in ids[offset : offset + limit]]
            return [replace(agent, document=copied(listed_part(agent.document)), version=1) for agent in part]

    def versions(self, agent_id: str, paging: Paging) -> Page[AgentVersion]:
        with self._lock:
            found = sorted(self._rows.agent_versions.get(agent_id, {}).values(), key=_number, reverse=True)
        if paging.cursor is not None:
            found = [one for one in found if one.version < int(paging.cursor.id)]
        rest = found[0 if paging.cursor is not None else paging.offset :]
        return page_of(
            rest,
            paging,
            place=lambda one: place_of_version(one.version),
            convert=lambda kept: [replace(one, document={}) for one in kept],
        )

    def version(self, agent_id: str, number: int) -> AgentVersion | None:
        with self._lock:
            found = self._rows.agent_versions.get(agent_id, {}).get(number)
            return None if found is None else replace(found, document=copied(found.document))

    def delete(self, agent_id: str) -> bool:
        with self._lock:
            self._rows.agent_versions.pop(agent_id, None)
            return self._rows.agents.pop(agent_id, None) is not None


_number = attrgetter("version")


def _copy(agent: StoredAgent) -> StoredAgent:
    return replace(agent, document=copied(agent.document))
