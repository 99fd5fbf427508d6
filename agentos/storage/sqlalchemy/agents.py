"""Agents that were registered by HTTP or CLI."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from sqlalchemy import Integer, bindparam, case, delete, select, update

from agentos.storage.agents import (
    KEEP,
    AgentStore,
    AgentVersion,
    StoredAgent,
    listed_part,
    other_agent_version,
    place_of_version,
)
from agentos.storage.json_text import dumps
from agentos.storage.paging import Page, Paging, page_of
from agentos.storage.sqlalchemy.agent_tables import agents
from agentos.storage.sqlalchemy.agent_versions import (
    GET_VERSION,
    LIST_VERSIONS,
    add_version,
    forget_versions,
    is_recorded,
    locked_agent,
    shown_version,
    whole_version,
)
from agentos.storage.sqlalchemy.columns import Values, microseconds, object_of, time_of
from agentos.storage.sqlalchemy.connection import Connection, Row
from agentos.storage.sqlalchemy.database import SqlStore
from agentos.storage.sqlalchemy.dialects import for_each_dialect

_GIVEN = agents.c.id == bindparam("agent_id")
_ADD = for_each_dialect(lambda dialect: dialect.insert(agents).on_conflict_do_nothing().returning(agents.c.id))
_CHANGED = ("document", "updated_at", "listed", "listed_at")
_REPLACE = update(agents).where(_GIVEN).values({name: bindparam(f"new_{name}") for name in _CHANGED})
_GET = select(agents).where(_GIVEN)
# What a list shows stands in a column of its own: documents can be a megabyte each. A worker of an earlier version does
# not write it, so it counts only if it was written with the document.
_LISTED = case((agents.c.listed_at == agents.c.updated_at, agents.c.listed), else_=agents.c.document)
_LIST = (
    select(agents.c.id, _LISTED.label("document"), agents.c.created_at, agents.c.updated_at)
    .where(
        agents.c.id > bindparam("after", type_=agents.c.id.type),
        agents.c.id.not_in(bindparam("leave_out", expanding=True, type_=agents.c.id.type)),
    )
    .order_by(agents.c.id)
    .limit(bindparam("page_limit", type_=Integer))
    .offset(bindparam("page_offset", type_=Integer))
)
_DELETE = delete(agents).where(_GIVEN)


_NEWEST = 2**31 - 1
"""More than any version."""


class SqlAgentStore(SqlStore, AgentStore):
    """Agents by id, and their versions."""

    def add(
        self, agent: StoredAgent, *, author: str | None = None, comment: str | None = None, keep: int = KEEP
    ) -> StoredAgent | None:
        add, values = _ADD[self._database.dialect], _values(agent)

        def work(connection: Connection) -> Row | None:
            if connection.execute(add, values).first() is None:
                return None
            return add_version(connection, agent.id, author=author, comment=comment, keep=keep)

        return _agent_or_none(self._database.write(work))

    def replace(
        self,
        agent: StoredAgent,
        *,
        expected_version: int | None = None,
        author: str | None = None,
        comment: str | None = None,
        keep: int = KEEP,
    ) -> StoredAgent | None:
        values = _values(agent)

        def work(connection: Connection) -> Row | None:
            present = locked_agent(connection, agent.id)
            if present is None:
                return None
            if expected_version not in (None, present.version):
                raise other_agent_version(agent.id, present.version, expected_version)
            if present.document == values["document"]:
                return present
            # Later than before, also where this worker's clock is behind: a change is seen by it.
            now = max(values["updated_at"], present.updated_at + 1)
            new = {**values, "updated_at": now, "listed_at": now}
            connection.execute(_REPLACE, {"agent_id": agent.id, **{f"new_{name}": new[name] for name in _CHANGED}})
            return add_version(connection, agent.id, author=author, comment=comment, keep=keep)

        return _agent_or_none(self._database.write(work))

    def get(self, agent_id: str) -> StoredAgent | None:
        row = self._database.query(_GET, {"agent_id": agent_id}).first()
        if row is not None and not is_recorded(row):
            row = self._database.write(lambda connection: locked_agent(connection, agent_id))
        return _agent_or_none(row)

    def list(
        self, *, limit: int, after: str = "", offset: int = 0, leave_out: Collection[str] = ()
    ) -> Sequence[StoredAgent]:
        # No agent has an empty id: a list that is never empty needs no other statement.
        values = {"after": after, "leave_out": ["", *leave_out], "page_limit": limit, "page_offset": offset}
        rows = self._database.query(_LIST, values).all()
        return [replace(agent, document=listed_part(agent.document)) for agent in map(_agent, rows)]

    def versions(self, agent_id: str, paging: Paging) -> Page[AgentVersion]:
        cursor = paging.cursor
        values = {
            "agent_id": agent_id,
            "before": _NEWEST if cursor is None else min(int(cursor.id), _NEWEST),
            "page_limit": paging.limit + 1,
            "page_offset": paging.offset if cursor is None else 0,
        }
        rows = self._database.query(LIST_VERSIONS, values).all()
        return page_of(
            rows,
            paging,
            place=lambda row: place_of_version(row.version),
            convert=lambda kept: list(map(shown_version, kept)),
        )

    def version(self, agent_id: str, number: int) -> AgentVersion | None:
        if number > _NEWEST:
            return None
        return self._database.query(GET_VERSION, {"agent_id": agent_id, "number": number}).first_as(whole_version)

    def delete(self, agent_id: str) -> bool:
        def work(connection: Connection) -> bool:
            if locked_agent(connection, agent_id) is None:
                return False
            connection.execute(_DELETE, {"agent_id": agent_id})
            forget_versions(connection, agent_id)
            return True

        return self._database.write(work)


def _values(agent: StoredAgent) -> Values:
    return {
        "id": agent.id,
        "document": dumps(agent.document),
        "created_at": microseconds(agent.created_at),
        "updated_at": microseconds(agent.updated_at),
        "listed": dumps(listed_part(agent.document)),
        "listed_at": microseconds(agent.updated_at),
        "version": 0,  # until it has one, in the same transaction
        "versioned_at": None,
    }


def _agent_or_none(row: Row | None) -> StoredAgent | None:
    return None if row is None else replace(_agent(row), version=row.version)


def _agent(row: Row) -> StoredAgent:
    return StoredAgent(
        id=row.id,
        document=object_of(row.document),
        created_at=time_of(row.created_at),
        updated_at=time_of(row.updated_at),
    )
