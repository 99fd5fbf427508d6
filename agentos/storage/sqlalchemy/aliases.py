"""Aliases of sessions."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from typing import Any

from sqlalchemy import Integer, bindparam, delete, select, tuple_
from sqlalchemy.sql.dml import ReturningDelete

from agentos.domain.session import Session
from agentos.storage.aliases import Alias, AliasStore
from agentos.storage.sqlalchemy.columns import Values, microseconds
from agentos.storage.sqlalchemy.connection import Connection
from agentos.storage.sqlalchemy.database import SqlStore
from agentos.storage.sqlalchemy.dialects import for_each_dialect
from agentos.storage.sqlalchemy.session_rows import INSERT_SESSION, session_values
from agentos.storage.sqlalchemy.tables import aliases, sessions

_NAME = ("owner", "door", "digest")
_FIND = select(aliases.c.session_id).where(*(aliases.c[name] == bindparam(name) for name in _NAME))


def _bind(dialect: Any) -> Any:
    """Build what adds an alias that is not there, and returns a row only then. A second one waits for the first."""
    statement = dialect.insert(aliases).values({column.name: bindparam(column.name) for column in aliases.c})
    return statement.on_conflict_do_nothing(index_elements=list(_NAME)).returning(aliases.c.session_id)


_BIND = for_each_dialect(_bind)


@cache
def _delete(*, of_user: bool) -> ReturningDelete[str]:
    found = select(*(aliases.c[name] for name in _NAME)).where(aliases.c.owner == bindparam("of_owner"))
    if of_user:
        found = found.join_from(aliases, sessions, sessions.c.id == aliases.c.session_id)
        found = found.where(sessions.c.user_id == bindparam("of_user"))
    some = found.limit(bindparam("delete_limit", type_=Integer)).cte("some_aliases")
    # RETURNING, as in sessions: SQLite's driver does not count.
    names = tuple_(*(aliases.c[name] for name in _NAME))
    return delete(aliases).where(names.in_(select(some))).returning(aliases.c.session_id)


class _Taken(Exception):
    """Another transaction has bound the alias meanwhile; this one, which made a session, is rolled back."""


class SqlAliasStore(SqlStore, AliasStore):
    """Aliases. The database deletes them with their session."""

    def find(self, alias: Alias) -> str | None:
        bound: str | None = self._database.query(_FIND, _name(alias)).scalar()
        return bound

    def bind(self, alias: Alias, session: Session) -> str:
        name, new = _name(alias), session_values(session)
        row = {**name, "id": alias.id, "session_id": session.id, "created_at": microseconds(session.created_at)}

        def work(connection: Connection) -> str:
            bound: str | None = connection.execute(_FIND, name).scalar()
            if bound is not None:
                return bound
            connection.execute(INSERT_SESSION, new)
            if connection.execute(_BIND[connection.dialect], row).first() is None:
                raise _Taken
            return session.id

        while True:
            try:
                return self._database.write(work)
            except _Taken:
                continue  # the next look finds it, unless that session was deleted in between

    def delete_of_owner(self, data_owner: str, *, user_id: str | None = None, limit: int) -> int:
        values = {"of_owner": data_owner, "of_user": user_id, "delete_limit": limit}
        return len(self._database.execute(_delete(of_user=user_id is not None), values).all())


def _name(alias: Alias) -> Values:
    """Return the key of an alias. An id may be too long for an index of PostgreSQL (2704 bytes), so its digest is."""
    return {"owner": alias.owner, "door": alias.door, "digest": sha256(alias.id.encode()).hexdigest()}
