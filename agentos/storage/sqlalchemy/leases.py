"""Which worker executes a run: heartbeats, and taking over from a lost worker. By the database's clock alone."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

from sqlalchemy import BigInteger, Integer, bindparam, select, update

from agentos.domain.run import Run
from agentos.storage.admission import Lease
from agentos.storage.runs import RunStore
from agentos.storage.sqlalchemy.clock import database_now
from agentos.storage.sqlalchemy.columns import duration, without_index
from agentos.storage.sqlalchemy.connection import Connection, Row
from agentos.storage.sqlalchemy.database import SqlStore
from agentos.storage.sqlalchemy.inline_media import InlineMedia
from agentos.storage.sqlalchemy.run_rows import RUNS, UNFINISHED, locked_in_order, runs_of
from agentos.storage.sqlalchemy.tables import runs

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
_TAKEN = RUNS.where(runs.c.id.in_(bindparam("run_ids", expanding=True)))

_CANCEL_REQUESTS = select(runs.c.id).where(
    runs.c.lease_owner == bindparam("worker"), runs.c.ended_at.is_(None), runs.c.cancel_requested
)
_LEASED = select(runs.c.id).where(runs.c.lease_owner == bindparam("worker"), runs.c.ended_at.is_(None))


class SqlLeases(SqlStore, RunStore):
    """Leases of unfinished runs."""

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

        found = runs_of(self._database.write(work), InlineMedia(self._database))
        return sorted(found, key=lambda run: (run.created_at, run.id))


def _values(lease: Lease) -> dict[str, Any]:
    return {"worker": lease.worker_id, "lease": duration(lease.seconds)}
