"""Runs as they are looked up, listed and asked to stop."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, select

from agentos.domain.message import Message
from agentos.domain.run import Run
from agentos.domain.stored_request import StoredRequest
from agentos.storage.paging import Page, Paging, page_of
from agentos.storage.run_requests import request_of
from agentos.storage.runs import RunFilter
from agentos.storage.sqlalchemy.admission import SqlAdmission
from agentos.storage.sqlalchemy.backlog import SqlBacklog
from agentos.storage.sqlalchemy.claims import SqlClaims
from agentos.storage.sqlalchemy.columns import microseconds, without_index
from agentos.storage.sqlalchemy.connection import Connection, Row
from agentos.storage.sqlalchemy.deletion import SqlDeletion
from agentos.storage.sqlalchemy.endings import SqlEndings
from agentos.storage.sqlalchemy.history import read_window, window_of
from agentos.storage.sqlalchemy.media_rows import InlineMedia
from agentos.storage.sqlalchemy.owner_scoped import OwnerScoped
from agentos.storage.sqlalchemy.paging import page_values, paged, place_by
from agentos.storage.sqlalchemy.pauses import SqlPauses
from agentos.storage.sqlalchemy.run_rows import ASK_TO_STOP, GET_RUN, RUNS, run_at, runs_of
from agentos.storage.sqlalchemy.tables import run_conversations, runs

_REQUEST = OwnerScoped(
    select(runs.c.request, run_conversations.c.messages)
    .select_from(runs.outerjoin(run_conversations, run_conversations.c.run_id == runs.c.id))
    .where(runs.c.id == bindparam("run_id")),
    runs.c.owner,
)
_ASK = OwnerScoped(ASK_TO_STOP.where(runs.c.id == bindparam("run_id")), runs.c.owner)


def _stored(value: str | datetime) -> str | int:
    return microseconds(value) if isinstance(value, datetime) else str(value)


def _condition(name: str, names: tuple[str, ...]) -> ColumnElement[bool]:
    """Return the condition of a filter; beside a session's, the others' are written so that no index answers them.

    A session has few runs, its owner or agent may have had millions: a planner that does not know would read them all.
    Times narrow the part of an index that the others choose.
    """
    if name in ("since", "until"):
        time = bindparam(f"with_{name}", type_=BigInteger)
        return runs.c.created_at >= time if name == "since" else runs.c.created_at < time
    condition = runs.c[name] == bindparam(f"with_{name}")
    if name == "session_id" or "session_id" not in names:
        return condition
    return without_index(condition)


@cache
def _list(names: tuple[str, ...], *, after: bool) -> Select[Any]:
    conditions = [_condition(name, names) for name in names]
    return paged(RUNS.where(*conditions), runs.c.created_at, runs.c.id, after=after)


class SqlRunStore(SqlAdmission, SqlClaims, SqlPauses, SqlEndings, SqlDeletion, SqlBacklog):
    """Runs by id and by time. What happens to a run in its life is in the modules of the classes above."""

    def get(self, run_id: str, *, owner: str | None) -> Run | None:
        row = self._database.query(*GET_RUN.for_owner(owner, run_id=run_id)).first()
        return run_at(row, self._database)

    def request(self, run_id: str, *, owner: str | None) -> StoredRequest | None:
        row = self._database.query(*_REQUEST.for_owner(owner, run_id=run_id)).first()
        return None if row is None else request_of(row.request, row.messages) or StoredRequest()

    def list(self, where: RunFilter, paging: Paging) -> Page[Run]:
        given = where.given()
        statement = _list(tuple(given), after=paging.cursor is not None)
        values = {**{f"with_{name}": _stored(value) for name, value in given.items()}, **page_values(paging)}
        rows = self._database.query(statement, values).all()
        inline = InlineMedia(self._database)
        return page_of(rows, paging, place=place_by("created_at"), convert=lambda kept: runs_of(kept, inline))

    def request_cancel(self, run_id: str, *, owner: str | None, forget: bool = False) -> Run | None:
        def work(connection: Connection) -> Row | None:
            connection.execute(*_ASK.for_owner(owner, run_id=run_id, forget=forget))
            return connection.execute(*GET_RUN.for_owner(owner, run_id=run_id)).first()

        row = self._database.write(work)
        return run_at(row, self._database)

    def window(self, session_id: str, *, turns: int) -> Sequence[Message]:
        rows = self._database.read(lambda connection: read_window(connection, session_id, turns))
        return window_of(rows, self._database)
