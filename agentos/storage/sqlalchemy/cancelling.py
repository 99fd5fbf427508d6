"""Asking a run to stop, from any worker: a mark in its row, which the worker that executes it looks for."""

from __future__ import annotations

from collections.abc import Sequence, Set

from sqlalchemy import bindparam, select

from agentos.domain.run import Run
from agentos.storage.sqlalchemy.concurrency import ASK_TO_STOP
from agentos.storage.sqlalchemy.connection import Connection, Row
from agentos.storage.sqlalchemy.owned import Owned
from agentos.storage.sqlalchemy.runs import GET_RUN, run_at
from agentos.storage.sqlalchemy.store import Store
from agentos.storage.sqlalchemy.tables import runs

_ASK = Owned(ASK_TO_STOP.where(runs.c.id == bindparam("run_id")), runs.c.owner)
_REQUESTS = select(runs.c.id).where(
    runs.c.lease_owner == bindparam("worker"), runs.c.ended_at.is_(None), runs.c.cancel_requested
)
_LEASED = select(runs.c.id).where(runs.c.lease_owner == bindparam("worker"), runs.c.ended_at.is_(None))


class CancelStore(Store):
    """Requests to stop runs."""

    def request_cancel(self, run_id: str, *, owner: str | None, forget: bool = False) -> Run | None:
        def work(connection: Connection) -> Row | None:
            connection.execute(*_ASK.of(owner, run_id=run_id, forget=forget))
            return connection.execute(*GET_RUN.of(owner, run_id=run_id)).first()

        row = self._database.write(work)
        return run_at(row, self._database)

    def cancel_requests(self, lease_owner: str) -> Sequence[str]:
        rows = self._database.read(lambda connection: connection.execute(_REQUESTS, {"worker": lease_owner}).all())
        return [row.id for row in rows]

    def leased_runs(self, lease_owner: str) -> Set[str]:
        rows = self._database.read(lambda connection: connection.execute(_LEASED, {"worker": lease_owner}).all())
        return {row.id for row in rows}
