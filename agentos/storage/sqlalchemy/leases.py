"""Whose a run is: heartbeats of the living, and taking over from the dead. By the database's clock alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Integer, bindparam, case, literal_column, select, update

from agentos.domain.run import Run, RunStatus
from agentos.storage.sqlalchemy.clock import database_now
from agentos.storage.sqlalchemy.connection import Connection, Row
from agentos.storage.sqlalchemy.inline_media import InlineMedia
from agentos.storage.sqlalchemy.runs import RUNS, runs_of
from agentos.storage.sqlalchemy.store import Store
from agentos.storage.sqlalchemy.tables import runs
from agentos.storage.values import Lease

_prolonged = database_now() + bindparam("lease", type_=BigInteger)

# Locked in the order of their ids, as the event log does, which locks many runs of one worker as well.
_own = (
    select(runs.c.id)
    .where(runs.c.lease_owner == bindparam("worker"), runs.c.ended_at.is_(None))
    .order_by(runs.c.id)
    .with_for_update()
    .cte("own")
)
_RENEW = update(runs).where(runs.c.id.in_(select(_own.c.id))).values(lease_until=_prolonged).returning(runs.c.id)

# What a status of a newer version means, only that version knows. Written so that no index by status answers it: those
# under way are few, and have an index of their own.
_under_way = [status.value for status in RunStatus if not status.finished]
_known = case((runs.c.status.in_(_under_way), literal_column("1")), else_=literal_column("0")) == literal_column("1")

# Each of several sweepers takes others: what one has locked, the next one passes over.
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


class LeaseStore(Store):
    """Leases of runs that are under way."""

    def renew_leases(self, lease: Lease) -> Sequence[str]:
        values = _values(lease)
        rows = self._database.write(lambda connection: connection.execute(_RENEW, values).all())
        return [row.id for row in rows]

    def take_lost_runs(self, lease: Lease, *, limit: int) -> Sequence[Run]:
        values = {**_values(lease), "take_limit": limit}

        def work(connection: Connection) -> Sequence[Row]:
            taken = [row.id for row in connection.execute(_TAKE, values).all()]
            return connection.execute(_TAKEN, {"run_ids": taken}).all() if taken else ()

        found = runs_of(self._database.write(work), InlineMedia(self._database))
        return sorted(found, key=lambda run: (run.created_at, run.id))


def _values(lease: Lease) -> dict[str, Any]:
    return {"worker": lease.owner, "lease": round(lease.seconds * 1_000_000)}
