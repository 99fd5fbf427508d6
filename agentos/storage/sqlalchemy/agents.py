"""Agents that were registered by HTTP or CLI."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from sqlalchemy import Integer, bindparam, case, delete, select, update

from agentos.storage.agents import AgentStore, StoredAgent, listed_part
from agentos.storage.json_text import dumps
from agentos.storage.sqlalchemy.columns import Values, microseconds, object_of, time_of
from agentos.storage.sqlalchemy.connection import Row
from agentos.storage.sqlalchemy.database import SqlStore
from agentos.storage.sqlalchemy.dialects import for_each_dialect
from agentos.storage.sqlalchemy.tables import agents

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


class SqlAgentStore(SqlStore, AgentStore):
    """Agents by id."""

    def add(self, agent: StoredAgent) -> bool:
        return self._database.execute(_ADD[self._database.dialect], _values(agent)).first() is not None

    def replace(self, agent: StoredAgent) -> bool:
        values = {"agent_id": agent.id, **{f"new_{name}": value for name, value in _values(agent).items()}}
        return self._database.execute(_REPLACE, values).rowcount > 0

    def get(self, agent_id: str) -> StoredAgent | None:
        return self._database.query(_GET, {"agent_id": agent_id}).first_as(_agent)

    def list(
        self, *, limit: int, after: str = "", offset: int = 0, leave_out: Collection[str] = ()
    ) -> Sequence[StoredAgent]:
        # No agent has an empty id: a list that is never empty needs no other statement.
        values = {"after": after, "leave_out": ["", *leave_out], "page_limit": limit, "page_offset": offset}
        rows = self._database.query(_LIST, values).all()
        return [replace(agent, document=listed_part(agent.document)) for agent in map(_agent, rows)]

    def delete(self, agent_id: str) -> bool:
        return self._database.execute(_DELETE, {"agent_id": agent_id}).rowcount > 0


def _values(agent: StoredAgent) -> Values:
    return {
        "id": agent.id,
        "document": dumps(agent.document),
        "created_at": microseconds(agent.created_at),
        "updated_at": microseconds(agent.updated_at),
        "listed": dumps(listed_part(agent.document)),
        "listed_at": microseconds(agent.updated_at),
    }


def _agent(row: Row) -> StoredAgent:
    return StoredAgent(
        id=row.id,
        document=object_of(row.document),
        created_at=time_of(row.created_at),
        updated_at=time_of(row.updated_at),
    )
