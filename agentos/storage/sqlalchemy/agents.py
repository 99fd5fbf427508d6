"""Agents that were registered by HTTP or CLI."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from agentos.storage.sqlalchemy.mapping import agent_of, agent_values
from agentos.storage.sqlalchemy.store import Store
from agentos.storage.sqlalchemy.tables import agents
from agentos.storage.values import StoredAgent

_GIVEN = agents.c.id == bindparam("agent_id")
_ADD = {
    "sqlite": sqlite.insert(agents).on_conflict_do_nothing().returning(agents.c.id),
    "postgresql": postgresql.insert(agents).on_conflict_do_nothing().returning(agents.c.id),
}
_REPLACE = (
    update(agents).where(_GIVEN).values(document=bindparam("new_document"), updated_at=bindparam("new_updated_at"))
)
_GET = select(agents).where(_GIVEN)
_LIST = select(agents).order_by(agents.c.id)
_DELETE = delete(agents).where(_GIVEN)


class AgentStore(Store):
    """Agents by id."""

    def add_agent(self, agent: StoredAgent) -> bool:
        values = agent_values(agent)
        add = _ADD[self._database.dialect]
        return self._database.write(lambda connection: connection.execute(add, values).first()) is not None

    def replace_agent(self, agent: StoredAgent) -> bool:
        values = agent_values(agent)
        parameters = {
            "agent_id": agent.id,
            "new_document": values["document"],
            "new_updated_at": values["updated_at"],
        }
        return self._database.write(lambda connection: connection.execute(_REPLACE, parameters).rowcount) > 0

    def get_agent(self, agent_id: str) -> StoredAgent | None:
        row = self._database.read(lambda connection: connection.execute(_GET, {"agent_id": agent_id}).first())
        return None if row is None else agent_of(row)

    def list_agents(self) -> Sequence[StoredAgent]:
        rows = self._database.read(lambda connection: connection.execute(_LIST).all())
        return [agent_of(row) for row in rows]

    def delete_agent(self, agent_id: str) -> bool:
        return self._database.write(lambda connection: connection.execute(_DELETE, {"agent_id": agent_id}).rowcount) > 0
