"""Runs as they are looked up, listed, asked to stop, and leased to workers by the database's clock."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, Select, bindparam, select, update

from agentos.domain.run import Run
from agentos.storage.admission import Lease
from agentos.storage.paging import Page, Paging, page_of
from agentos.storage.run_requests import request_of
from agentos.storage.runs import RunFilter
from agentos.storage.sqlalchemy.admission import SqlAdmission
from agentos.storage.sqlalchemy.columns import duration, without_index
from agentos.storage.sqlalchemy.connection import Connection, Row
from agentos.storage.sqlalchemy.deletion import SqlDeletion
from agentos.storage.sqlalchemy.dialects import database_now
from agentos.storage.sqlalchemy.endings import SqlEndings
from agentos.storage.sqlalchemy.media_rows import InlineMedia
from agentos.storage.sqlalchemy.owner_scoped import OwnerScoped
from agentos.storage.sqlalchemy.paging import page_values, paged, place_by
from agentos.storage.sqlalchemy.run_rows import ASK_TO_STOP, GET_RUN, RUNS, UNFINISHED, locked_in_order, run_at, runs_of
from agentos.storage.sqlalchemy.tables import run_conversations, runs

_ASK = OwnerScoped(ASK_TO_STOP.where(runs.c.id == bindparam("run_id")), runs.c.owner)

_prolonged = database_now() + bindparam("lease", type_=BigInteger)

_own = locked_in_order(runs.c.lease_owner == bindparam("worker"))
_RENEW = update(runs).where(runs.c.id.in_(_own)).values(lease_until=_prolonged).returning(runs.c.id)

# What a status of a newer version means, only that version knows. Written so that no index by status answers it: those
# under way are few, and have an index of their own.
_known = without_index(runs.c.status.in_(UNFINISHED))

# Each of several sweepers takes others: rows that one has locked, the next one skips.
_lost = (
    select(runs.c.id)
    .where(runs.c.ended_at.is_(None), runs.c.lease_until < database_now(), _known)
    .limit(bindparam("take_limit", type_=Integer))
    .with_for_update(skip_locked=True)
    .cte("lost")
)
_TAKE = (
    update(runs)
    .where(runs.c.id.in_(select(_lost.c.id)))
    .values(attempt=runs.c.attempt + 1, lease_owner=bindparam("worker"), lease_until=_prolonged)
    .returning(runs.c.id)
)
# A worker that takes a run over needs the rest of its request, which may have megabytes; lists do not read it.
_TAKEN = (
    RUNS.add_columns(runs.c.request, run_conversations.c.messages)
    .outerjoin(run_conversations, run_conversations.c.run_id == runs.c.id)
    .where(runs.c.id.in_(bindparam("run_ids", expanding=True)))
)

_LEASED = select(runs.c.id).where(runs.c.lease_owner == bindparam("worker"), runs.c.ended_at.is_(None))
_CANCEL_REQUESTS = _LEASED.where(runs.c.cancel_requested)


def _condition(name: str, names: tuple[str, ...]) -> ColumnElement[bool]:
    """Return the condition of a filter; beside a session's, the others' are written so that no index answers them.

    A session has few runs, its owner or agent may have had millions: a planner that does not know would read them all.
    """
    condition = runs.c[name] == bindparam(f"with_{name}")
    if name == "session_id" or "session_id" not in names:
        return condition
    return without_index(condition)


@cache
def _list(names: tuple[str, ...], *, after: bool) -> Select[Any]:
    conditions = [_condition(name, names) for name in names]
    return paged(RUNS.where(*conditions), runs.c.created_at, runs.c.id, after=after)


class SqlRunStore(SqlAdmission, SqlEndings, SqlDeletion):
    """Runs by id and by time. What happens to a run in its life is in the modules of the classes above."""

    def get(self, run_id: str, *, owner: str | None) -> Run | None:
        row = self._database.query(*GET_RUN.for_owner(owner, run_id=run_id)).first()
        return run_at(row, self._database)

    def list(self, where: RunFilter, paging: Paging) -> Page[Run]:
        given = where.given()
        statement = _list(tuple(given), after=paging.cursor is not None)
        values = {**{f"with_{name}": str(value) for name, value in given.items()}, **page_values(paging)}
        rows = self._database.query(statement, values).all()
        inline = InlineMedia(self._database)
        return page_of(rows, paging, place=place_by("created_at"), convert=lambda kept: runs_of(kept, inline))

    def request_cancel(self, run_id: str, *, owner: str | None, forget: bool = False) -> Run | None:
        def work(connection: Connection) -> Row | None:
            connection.execute(*_ASK.for_owner(owner, run_id=run_id, forget=forget))
            return connection.execute(*GET_RUN.for_owner(owner, run_id=run_id)).first()

        row = self._database.write(work)
        return run_at(row, self._database)

    def cancel_requests(self, worker_id: str) -> Sequence[str]:
        return [row.id for row in self._database.query(_CANCEL_REQUESTS, {"worker": worker_id}).all()]

    def leased(self, worker_id: str) -> Set[str]:
        return {row.id for row in self._database.query(_LEASED, {"worker": worker_id}).all()}

    def renew_leases(self, lease: Lease) -> Sequence[str]:
        return [row.id for row in self._database.execute(_RENEW, _values(lease)).all()]

    def take_lost(self, lease: Lease, *, limit: int) -> Sequence[Run]:
        values = {**_values(lease), "take_limit": limit}

        def work(connection: Connection) -> Sequence[Row]:
            taken = [row.id for row in connection.execute(_TAKE, values).all()]
            return connection.execute(_TAKEN, {"run_ids": taken}).all() if taken else ()

        rows = self._database.write(work)
        found = runs_of(rows, InlineMedia(self._database))
        taken = [
            replace(run, request=request_of(row.request, row.messages)) for run, row in zip(found, rows, strict=True)
        ]
        return sorted(taken, key=lambda run: (run.created_at, run.id))


def _values(lease: Lease) -> dict[str, Any]:
    return {"worker": lease.worker_id, "lease": duration(lease.seconds)}
