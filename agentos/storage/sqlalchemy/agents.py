"""Agents that were registered by HTTP or CLI."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Integer, bindparam, case, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from agentos.storage.sqlalchemy.mapping import agent_of, agent_values, listed_agent_of
from agentos.storage.sqlalchemy.store import Store
from agentos.storage.sqlalchemy.tables import agents
from agentos.storage.values import StoredAgent

_GIVEN = agents.c.id == bindparam("agent_id")
_ADD = {
    "sqlite": sqlite.insert(agents).on_conflict_do_nothing().returning(agents.c.id),
    "postgresql": postgresql.insert(agents).on_conflict_do_nothing().returning(agents.c.id),
}
_REPLACE = (
    update(agents)
    .where(_GIVEN)
    .values(
        document=bindparam("new_document"),
        updated_at=bindparam("new_updated_at"),
        listed=bindparam("new_listed"),
        listed_at=bindparam("new_updated_at"),
    )
)
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


class AgentStore(Store):
    """Agents by id."""

    def add_agent(self, agent: StoredAgent) -> bool:
        values = agent_values(agent)
        add = _ADD[self._database.dialect]
        return self._database.write(lambda connection: connection.execute(add, values).first()) is not None

    def replace_agent(self, agent: StoredAgent) -> bool:
        values = agent_values(agent)
        parameters = {"agent_id": agent.id, **{f"new_{name}": value for name, value in values.items()}}
        return self._database.write(lambda connection: connection.execute(_REPLACE, parameters).rowcount) > 0

    def get_agent(self, agent_id: str) -> StoredAgent | None:
        row = self._database.read(lambda connection: connection.execute(_GET, {"agent_id": agent_id}).first())
        return None if row is None else agent_of(row)

    def list_agents(
        self, *, limit: int, after: str = "", offset: int = 0, leave_out: Collection[str] = ()
    ) -> Sequence[StoredAgent]:
        # No agent has an empty id: a list that is never empty needs no other statement.
        values = {"after": after, "leave_out": ["", *leave_out], "page_limit": limit, "page_offset": offset}
        rows = self._database.read(lambda connection: connection.execute(_LIST, values).all())
        return [listed_agent_of(row) for row in rows]

    def delete_agent(self, agent_id: str) -> bool:
        return self._database.write(lambda connection: connection.execute(_DELETE, {"agent_id": agent_id}).rowcount) > 0
