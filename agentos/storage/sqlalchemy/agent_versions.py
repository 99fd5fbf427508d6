"""The versions of stored agents: adding one within a transaction, forgetting old ones, and the statements that read."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Integer, Text, bindparam, delete, exists, func, insert, literal_column, select, update

from agentos.storage.agents import AgentVersion
from agentos.storage.sqlalchemy.agent_tables import agent_versions, agents
from agentos.storage.sqlalchemy.columns import object_of, time_of, without_index
from agentos.storage.sqlalchemy.connection import Connection, Row
from agentos.storage.sqlalchemy.run_rows import UNFINISHED
from agentos.storage.sqlalchemy.tables import runs

_OF_AGENT = agent_versions.c.agent_id == bindparam("agent_id")
_AGENT = agents.c.id == bindparam("agent_id")

# The agent's row is locked from here to the commit: the versions of an agent are added one after the other.
_LOCK = select(agents).where(_AGENT).with_for_update()
_LAST = select(func.coalesce(func.max(agent_versions.c.version), 0)).where(_OF_AGENT)
_ADD = insert(agent_versions).from_select(
    ["agent_id", "version", "document", "author", "comment", "created_at"],
    select(
        agents.c.id,
        _LAST.scalar_subquery() + literal_column("1"),
        agents.c.document,
        bindparam("author", type_=Text),
        bindparam("comment", type_=Text),
        agents.c.updated_at,
    ).where(_AGENT),
)
_NAME = (
    update(agents)
    .where(_AGENT)
    .values(version=_LAST.scalar_subquery(), versioned_at=agents.c.updated_at)
    .returning(*agents.c)
)
_OLD = (_OF_AGENT, agent_versions.c.version <= bindparam("oldest", type_=Integer))
_HAS_OLD = select(exists().where(*_OLD))
# By status: there are few unfinished runs, and the index of an agent's runs has all that it ever had.
_IN_USE = exists().where(
    runs.c.status.in_(UNFINISHED),
    without_index(runs.c.agent_id == agent_versions.c.agent_id),
    runs.c.agent_version == agent_versions.c.version,
)
_FORGET = delete(agent_versions).where(*_OLD, ~_IN_USE)

_DELETE_EARLIER = delete(agent_versions).where(_OF_AGENT, agent_versions.c.version < _LAST.scalar_subquery())
_EMPTY_LAST = update(agent_versions).where(_OF_AGENT).values(document=None, author=None, comment=None)

_SHOWN = [column for column in agent_versions.c if column.name != "document"]
_KEPT = (_OF_AGENT, agent_versions.c.document.is_not(None))
LIST_VERSIONS = (
    select(*_SHOWN)
    .where(*_KEPT, agent_versions.c.version < bindparam("before", type_=Integer))
    .order_by(agent_versions.c.version.desc())
    .limit(bindparam("page_limit", type_=Integer))
    .offset(bindparam("page_offset", type_=Integer))
)
"""A part of an agent's versions, newest first."""
GET_VERSION = select(agent_versions).where(*_KEPT, agent_versions.c.version == bindparam("number", type_=Integer))
"""One version with its document."""


def is_recorded(row: Row) -> bool:
    """Return whether an agent's document is that of its version: a worker of an earlier version writes none."""
    return bool(row.versioned_at == row.updated_at)


def locked_agent(connection: Connection, agent_id: str) -> Row | None:
    """Return an agent's row, locked and with its version; ``None`` if there is none."""
    row = connection.execute(_LOCK, {"agent_id": agent_id}).first()
    if row is None or is_recorded(row):
        return row
    return add_version(connection, agent_id)


def add_version(
    connection: Connection,
    agent_id: str,
    *,
    author: str | None = None,
    comment: str | None = None,
    keep: int | None = None,
) -> Row:
    """Make a version of an agent's document, in the transaction that locked or added its row; return the row."""
    connection.execute(_ADD, {"agent_id": agent_id, "author": author, "comment": comment})
    row = connection.execute(_NAME, {"agent_id": agent_id}).first()
    assert row is not None
    if keep is not None:
        old = {"agent_id": agent_id, "oldest": row.version - keep}
        if connection.execute(_HAS_OLD, old).scalar():
            connection.execute(_FORGET, old)
    return row


def forget_versions(connection: Connection, agent_id: str) -> None:
    """Delete all versions of an agent that is deleted; the number of the last one stays."""
    connection.execute(_DELETE_EARLIER, {"agent_id": agent_id})
    connection.execute(_EMPTY_LAST, {"agent_id": agent_id})


def shown_version(row: Row) -> AgentVersion:
    """Return the version of a row of :data:`LIST_VERSIONS`."""
    return AgentVersion(
        agent_id=row.agent_id,
        version=row.version,
        author=row.author,
        comment=row.comment,
        created_at=time_of(row.created_at),
    )


def whole_version(row: Row) -> AgentVersion:
    """Return the version of a row of :data:`GET_VERSION`."""
    return replace(shown_version(row), document=object_of(row.document))
