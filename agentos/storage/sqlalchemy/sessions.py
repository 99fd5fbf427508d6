"""Sessions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, Select, Text, bindparam, delete, exists, func, select, update
from sqlalchemy.sql.dml import ReturningDelete

from agentos.domain.message import Message
from agentos.domain.session import Session, Summary
from agentos.errors import SessionNotFound
from agentos.storage.attachments import read_in_messages
from agentos.storage.idempotency import IdempotencyKey, Replay
from agentos.storage.json_text import dumps, loads
from agentos.storage.paging import Page, Paging, page_of
from agentos.storage.sessions import SessionChanges, SessionFilter, other_version
from agentos.storage.sqlalchemy.added_messages import SqlAddedMessages, add_messages
from agentos.storage.sqlalchemy.columns import fields_of, microseconds, time_of, without_index
from agentos.storage.sqlalchemy.connection import Connection, Row
from agentos.storage.sqlalchemy.dialects import folded
from agentos.storage.sqlalchemy.forks import SqlForks
from agentos.storage.sqlalchemy.history import SqlHistory
from agentos.storage.sqlalchemy.idempotency import keep_key
from agentos.storage.sqlalchemy.owner_scoped import OwnerScoped
from agentos.storage.sqlalchemy.paging import page_values, paged, place_by
from agentos.storage.sqlalchemy.run_rows import UNDER_WAY
from agentos.storage.sqlalchemy.session_rows import (
    ACTIVE_AT,
    INSERT_SESSION,
    SESSION_COLUMNS,
    session_of,
    session_values,
)
from agentos.storage.sqlalchemy.tables import runs, sessions
from agentos.storage.sqlalchemy.text_search import SAID, search_values

_GIVEN = sessions.c.id == bindparam("session_id")

_GET = OwnerScoped(select(*SESSION_COLUMNS).where(_GIVEN), sessions.c.owner)
_VERSION = OwnerScoped(select(sessions.c.version).where(_GIVEN), sessions.c.owner)
_DELETE = OwnerScoped(delete(sessions).where(_GIVEN), sessions.c.owner)
_PUT_SUMMARY = OwnerScoped(update(sessions).where(_GIVEN).values(summary=bindparam("new_summary")), sessions.c.owner)
_GET_SUMMARY = OwnerScoped(select(sessions.c.summary).where(_GIVEN), sessions.c.owner)

_IS_BUSY = exists().where(
    runs.c.session_id == sessions.c.id, runs.c.ended_at.is_(None), without_index(runs.c.status.in_(UNDER_WAY))
)

_WILD = re.compile(r"[\\%_]")
_ESCAPED = r"\\\g<0>"
_OBJECTS = ("metadata", "state")


_SPECIAL: dict[str, ColumnElement[bool]] = {
    "updated_before": sessions.c.updated_at < bindparam("with_updated_before", type_=BigInteger),
    "said": SAID,
    # The rows come by the index of the list, and their names are read. No index that all databases have knows parts.
    "name_contains": folded(sessions.c.name).like(folded(bindparam("with_name_contains", type_=Text)), escape="\\"),
}


def _conditions(names: tuple[str, ...]) -> list[ColumnElement[bool]]:
    return [_SPECIAL[name] if name in _SPECIAL else sessions.c[name] == bindparam(f"with_{name}") for name in names]


@cache
def _list(names: tuple[str, ...], *, after: bool) -> Select[Any]:
    return paged(select(*SESSION_COLUMNS).where(*_conditions(names)), sessions.c.updated_at, sessions.c.id, after=after)


@cache
def _count(names: tuple[str, ...]) -> Select[int]:
    return select(func.count()).select_from(sessions).where(*_conditions(names))


@cache
def _delete_oldest(names: tuple[str, ...]) -> ReturningDelete[str]:
    # Locked before it is deleted: a session that becomes active meanwhile no longer matches, and stays.
    idle = [~_IS_BUSY] if "updated_before" in names else []
    oldest = (
        select(sessions.c.id)
        .where(*_conditions(names), *idle)
        .order_by(sessions.c.updated_at, sessions.c.id)
        .limit(bindparam("delete_limit", type_=Integer))
        .with_for_update()
        .cte("oldest")
    )
    # RETURNING, for SQLite's driver does not count what a statement changes that begins with WITH.
    return delete(sessions).where(sessions.c.id.in_(select(oldest.c.id))).returning(sessions.c.id)


@cache
def _change(names: tuple[str, ...], *, fenced: bool) -> OwnerScoped:
    changed: dict[str, Any] = {name: bindparam(f"new_{name}", type_=sessions.c[name].type) for name in names}
    changed.update(version=sessions.c.version + 1, updated_at=ACTIVE_AT)
    statement = update(sessions).where(_GIVEN).values(changed).returning(*SESSION_COLUMNS)
    if fenced:
        statement = statement.where(sessions.c.version == bindparam("expected_version"))
    return OwnerScoped(statement, sessions.c.owner)


def _filter_values(where: SessionFilter) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return the names of the filters that are given, and the parameters of :func:`_conditions`."""
    given = where.given()
    if where.updated_before is not None:
        given["updated_before"] = microseconds(where.updated_before)
    if where.name_contains is not None:
        given["name_contains"] = f"%{_WILD.sub(_ESCAPED, where.name_contains)}%"
    values: dict[str, Any] = {} if where.said is None else search_values(where.said, where.owner)
    return tuple(given), values | {f"with_{name}": value for name, value in given.items()}


class SqlSessionStore(SqlHistory, SqlAddedMessages, SqlForks):
    """Sessions by id and by activity."""

    def create(
        self, session: Session, *, messages: Sequence[Message] = (), idempotency: IdempotencyKey | None = None
    ) -> Replay | None:
        values = session_values(session)
        messages, new = read_in_messages(messages)

        def work(connection: Connection) -> Replay | None:
            replay = keep_key(connection, idempotency, session.id)
            if replay is None:
                connection.execute(INSERT_SESSION, values)
                if messages:
                    add_messages(connection, session.id, messages, new, owner=None, now=session.created_at)
            return replay

        return self._database.write(work)

    def get(self, session_id: str, *, owner: str | None) -> Session | None:
        return self._database.query(*_GET.for_owner(owner, session_id=session_id)).first_as(session_of)

    def list(self, where: SessionFilter, paging: Paging) -> Page[Session]:
        names, values = _filter_values(where)
        statement = _list(names, after=paging.cursor is not None)
        rows = self._database.query(statement, {**values, **page_values(paging)}).all()
        return page_of(rows, paging, place=place_by("updated_at"), convert=lambda kept: list(map(session_of, kept)))

    def count(self, where: SessionFilter) -> int:
        names, values = _filter_values(where)
        count: int = self._database.query(_count(names), values).scalar()
        return count

    def update(
        self,
        session_id: str,
        changes: SessionChanges,
        *,
        owner: str | None,
        now: datetime,
        expected_version: int | None = None,
    ) -> Session:
        given = changes.given()
        values = {f"new_{name}": dumps(value) if name in _OBJECTS else value for name, value in given.items()}
        values.update(session_id=session_id, now=microseconds(now), expected_version=expected_version)
        change = _change(tuple(given), fenced=expected_version is not None).for_owner(owner, **values)

        def work(connection: Connection) -> Row:
            row = connection.execute(*change).first()
            if row is not None:
                return row
            version = connection.execute(*_VERSION.for_owner(owner, session_id=session_id)).scalar()
            if version is None:
                raise SessionNotFound(session_id)
            raise other_version(session_id, version, expected_version)

        return session_of(self._database.write(work))

    def delete(self, session_id: str, *, owner: str | None) -> bool:
        return self._database.execute(*_DELETE.for_owner(owner, session_id=session_id)).rowcount > 0

    def delete_oldest(self, where: SessionFilter, *, limit: int) -> int:
        names, values = _filter_values(where)
        return len(self._database.execute(_delete_oldest(names), {**values, "delete_limit": limit}).all())

    def put_summary(self, session_id: str, summary: Summary, *, owner: str | None) -> None:
        put = _PUT_SUMMARY.for_owner(owner, session_id=session_id, new_summary=_summary_text(summary))
        if not self._database.execute(*put).rowcount:
            raise SessionNotFound(session_id)

    def get_summary(self, session_id: str, *, owner: str | None) -> Summary | None:
        row = self._database.query(*_GET_SUMMARY.for_owner(owner, session_id=session_id)).first()
        if row is None:
            raise SessionNotFound(session_id)
        return None if row.summary is None else _summary_of(row.summary)


def _summary_text(summary: Summary) -> str:
    return dumps({**fields_of(summary, summary.__slots__), "created_at": microseconds(summary.created_at)})


def _summary_of(text: str) -> Summary:
    stored = loads(text)
    return Summary(**{**stored, "created_at": time_of(stored["created_at"])})
