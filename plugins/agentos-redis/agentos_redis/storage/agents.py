"""Stored agents in Redis."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from agentos.backends import (
    KEEP,
    AgentStore,
    AgentVersion,
    Page,
    Paging,
    StoredAgent,
    dumps,
    listed_part,
    loads,
    other_agent_version,
    page_of,
    place_of_version,
)
from agentos_redis.storage.database import RedisStore, Refusal
from agentos_redis.storage.values import stamp, text_of, time_of


class RedisAgentStore(RedisStore, AgentStore):
    """Agents by id, and their versions."""

    def add(
        self, agent: StoredAgent, *, author: str | None = None, comment: str | None = None, keep: int = KEEP
    ) -> StoredAgent | None:
        row = self._database.write("agent_add", **_values(agent, author, comment, keep))
        return None if row is None else _agent_of(row)

    def replace(
        self,
        agent: StoredAgent,
        *,
        expected_version: int | None = None,
        author: str | None = None,
        comment: str | None = None,
        keep: int = KEEP,
    ) -> StoredAgent | None:
        values = _values(agent, author, comment, keep)
        try:
            row = self._database.write("agent_replace", **values, expected=expected_version)
        except Refusal as refusal:
            raise other_agent_version(agent.id, int(refusal.details[0]), expected_version or 0) from None
        return None if row is None else _agent_of(row)

    def get(self, agent_id: str) -> StoredAgent | None:
        row = self._database.read("agent_get", id=agent_id)
        return None if row is None else _agent_of(row)

    def list(
        self, *, limit: int, after: str = "", offset: int = 0, leave_out: Collection[str] = ()
    ) -> Sequence[StoredAgent]:
        rows = self._database.read("agent_list", limit=limit, after=after, offset=offset, leave_out=sorted(leave_out))
        return [_agent_of([agent_id, listed, b"1", *times]) for agent_id, listed, _, *times in rows]

    def versions(self, agent_id: str, paging: Paging) -> Page[AgentVersion]:
        before = None if paging.cursor is None else int(paging.cursor.id)
        rows = self._database.read(
            "agent_versions",
            id=agent_id,
            before=before,
            offset=paging.offset if before is None else 0,
            limit=paging.limit + 1,
        )
        found = [_version_of(agent_id, int(number), facts) for number, facts in rows]
        return page_of(found, paging, place=lambda one: place_of_version(one.version), convert=lambda kept: kept)

    def version(self, agent_id: str, number: int) -> AgentVersion | None:
        value = self._database.read("agent_version", id=agent_id, number=str(number))
        if value is None:
            return None
        facts, _, document = value.partition(b"\n")
        return _version_of(agent_id, number, facts, document)

    def delete(self, agent_id: str) -> bool:
        return bool(self._database.write("agent_delete", id=agent_id))


def _values(agent: StoredAgent, author: str | None, comment: str | None, keep: int) -> dict[str, Any]:
    return {
        "id": agent.id,
        "document": dumps(agent.document),
        "listed": dumps(listed_part(agent.document)),
        "created": stamp(agent.created_at),
        "updated": stamp(agent.updated_at),
        "facts": dumps([author, comment]),
        "keep": keep,
    }


def _agent_of(row: Sequence[bytes]) -> StoredAgent:
    agent_id, document, version, created, updated = row
    return StoredAgent(
        id=text_of(agent_id),
        document=loads(text_of(document)),
        version=int(version),
        created_at=time_of(created),
        updated_at=time_of(updated),
    )


def _version_of(agent_id: str, number: int, facts: bytes, document: bytes = b"{}") -> AgentVersion:
    created, _, said = facts.partition(b" ")
    author, comment = loads(text_of(said))
    return AgentVersion(
        agent_id=agent_id,
        version=number,
        author=author,
        comment=comment,
        created_at=time_of(created),
        document=loads(text_of(document)),
    )
