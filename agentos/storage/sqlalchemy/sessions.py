"""Sessions."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    bindparam,
    case,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningDelete, ReturningUpdate

from agentos.domain.session import Session
from agentos.errors import PreconditionFailed, SessionNotFound
from agentos.storage.sqlalchemy.connection import Connection, Row
from agentos.storage.sqlalchemy.idempotency import keep_key
from agentos.storage.sqlalchemy.mapping import (
    change_values,
    microseconds,
    session_of,
    session_values,
)
from agentos.storage.sqlalchemy.owned import Owned
from agentos.storage.sqlalchemy.paging import page_of, page_values, paged
from agentos.storage.sqlalchemy.store import Store
from agentos.storage.sqlalchemy.tables import sessions
from agentos.storage.values import (
    IdempotencyKey,
    Page,
    Paging,
    Repeat,
    SessionChanges,
    SessionFilter,
)

_INNER = ("summary", "next_position", "turn_count", "message_count")
_COLUMNS = [column for column in sessions.c if column.name not in _INNER]

_GIVEN = sessions.c.id == bindparam("session_id")
_INSERT = insert(sessions)
_GET = Owned(select(*_COLUMNS).where(_GIVEN), sessions.c.owner)
_VERSION = Owned(select(sessions.c.version).where(_GIVEN), sessions.c.owner)
_DELETE = Owned(delete(sessions).where(_GIVEN), sessions.c.owner)


def active_at(time: str) -> ColumnElement[int]:
    """Return what ``updated_at`` becomes by an activity: it never goes back, though the workers' clocks differ."""
    now = bindparam(time, type_=BigInteger)
    return case((sessions.c.updated_at > now, sessions.c.updated_at), else_=now)


def _conditions(names: tuple[str, ...]) -> list[ColumnElement[bool]]:
    """Return the conditions of the filters that are given."""
    return [
        sessions.c.updated_at < bindparam("updated_before", type_=BigInteger)
        if name == "updated_before"
        else sessions.c[name] == bindparam(f"with_{name}")
        for name in names
    ]


@cache
def _list(names: tuple[str, ...], *, after: bool) -> Select[Any]:
    return paged(select(*_COLUMNS).where(*_conditions(names)), sessions.c.updated_at, sessions.c.id, after=after)


@cache
def _count(names: tuple[str, ...]) -> Select[int]:
    return select(func.count()).select_from(sessions).where(*_conditions(names))


@cache
def _delete_oldest(names: tuple[str, ...]) -> ReturningDelete[str]:
    # Locked before it is deleted: a session that becomes active meanwhile no longer matches, and stays.
    oldest = (
        select(sessions.c.id)
        .where(*_conditions(names))
        .order_by(sessions.c.updated_at, sessions.c.id)
        .limit(bindparam("delete_limit", type_=Integer))
        .with_for_update()
        .cte("oldest")
    )
    # RETURNING, for SQLite's driver does not count what a statement changes that begins with WITH.
    return delete(sessions).where(sessions.c.id.in_(select(oldest.c.id))).returning(sessions.c.id)


@cache
def _change(names: tuple[str, ...], *, fenced: bool) -> Owned[ReturningUpdate[*tuple[Any, ...]]]:
    changed: dict[str, Any] = {name: bindparam(f"new_{name}", type_=sessions.c[name].type) for name in names}
    changed.update(version=sessions.c.version + 1, updated_at=active_at("now"))
    statement = update(sessions).where(_GIVEN).values(changed).returning(*_COLUMNS)
    if fenced:
        statement = statement.where(sessions.c.version == bindparam("expected_version"))
    return Owned(statement, sessions.c.owner)


def _filter_values(where: SessionFilter) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return the names of the filters that are given, and the parameters of :func:`_conditions`."""
    given = {name: value for name in where.__slots__ if (value := getattr(where, name)) is not None}
    values = {f"with_{name}": value for name, value in given.items() if name != "updated_before"}
    if where.updated_before is not None:
        values["updated_before"] = microseconds(where.updated_before)
    return tuple(given), values


class SessionStore(Store):
    """Sessions by id and by activity."""

    def create_session(self, session: Session, *, idempotency: IdempotencyKey | None = None) -> Repeat | None:
        values = session_values(session)

        def work(connection: Connection) -> Repeat | None:
            repeat = keep_key(connection, idempotency, session.id)
            if repeat is None:
                connection.execute(_INSERT, values)
            return repeat

        return self._database.write(work)

    def get_session(self, session_id: str, *, owner: str | None) -> Session | None:
        get = _GET.of(owner, session_id=session_id)
        row = self._database.read(lambda connection: connection.execute(*get).first())
        return None if row is None else session_of(row)

    def list_sessions(self, where: SessionFilter, paging: Paging) -> Page[Session]:
        names, values = _filter_values(where)
        statement = _list(names, after=paging.cursor is not None)
        values.update(page_values(paging))
        rows = self._database.read(lambda connection: connection.execute(statement, values).all())
        return page_of(rows, paging, lambda kept: list(map(session_of, kept)), time="updated_at")

    def count_sessions(self, where: SessionFilter) -> int:
        names, values = _filter_values(where)
        count: int = self._database.read(lambda connection: connection.execute(_count(names), values).scalar())
        return count

    def update_session(
        self,
        session_id: str,
        changes: SessionChanges,
        *,
        owner: str | None,
        now: datetime,
        expected_version: int | None = None,
    ) -> Session:
        given = change_values(changes.given())
        values = {f"new_{name}": value for name, value in given.items()}
        values.update(session_id=session_id, now=microseconds(now))
        if expected_version is not None:
            values["expected_version"] = expected_version
        change = _change(tuple(given), fenced=expected_version is not None).of(owner, **values)

        def work(connection: Connection) -> Row:
            row = connection.execute(*change).first()
            if row is not None:
                return row
            version = connection.execute(*_VERSION.of(owner, session_id=session_id)).scalar()
            if version is None:
                raise SessionNotFound(session_id)
            raise PreconditionFailed(
                f"session {session_id!r} is at version {version}, not {expected_version}; read it again and repeat"
            )

        return session_of(self._database.write(work))

    def delete_session(self, session_id: str, *, owner: str | None) -> bool:
        deletion = _DELETE.of(owner, session_id=session_id)
        return self._database.write(lambda connection: connection.execute(*deletion).rowcount) > 0

    def delete_sessions(self, where: SessionFilter, *, limit: int) -> int:
        names, values = _filter_values(where)
        values["delete_limit"] = limit
        statement = _delete_oldest(names)
        return len(self._database.write(lambda connection: connection.execute(statement, values).all()))
