"""Deleting what has been kept long enough, in batches that hold no lock for long."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Integer, bindparam, delete, select, tuple_

from agentos.storage.sqlalchemy.connection import Connection
from agentos.storage.sqlalchemy.mapping import microseconds
from agentos.storage.sqlalchemy.store import Store
from agentos.storage.sqlalchemy.tables import idempotency_keys as keys
from agentos.storage.sqlalchemy.tables import run_events, runs

# The run is locked too, against the deletion of its session, which comes to its log from there. What another worker is
# deleting is passed over.
_OLD_LOGS = (
    select(run_events.c.run_id)
    .join_from(run_events, runs, runs.c.id == run_events.c.run_id)
    .where(run_events.c.ended_at < bindparam("ended_before", type_=BigInteger))
    .order_by(run_events.c.ended_at)
    .limit(bindparam("delete_limit", type_=Integer))
    .with_for_update(key_share=True, skip_locked=True)
)
_DELETE_LOGS = delete(run_events).where(run_events.c.run_id.in_(bindparam("run_ids", expanding=True)))

_oldest = (
    select(keys.c.owner, keys.c.route, keys.c.key)
    .where(keys.c.created_at < bindparam("created_before", type_=BigInteger))
    .order_by(keys.c.created_at)
    .limit(bindparam("delete_limit", type_=Integer))
    .with_for_update(skip_locked=True)
    .cte("oldest")
)
_DELETE_KEYS = (
    delete(keys)
    .where(tuple_(keys.c.owner, keys.c.route, keys.c.key).in_(select(_oldest)))
    .returning(keys.c.created_at)  # as in sessions: SQLite's driver does not count
)


class HousekeepingStore(Store):
    """Retention."""

    def delete_frames(self, *, ended_before: datetime, limit: int) -> int:
        values = {"ended_before": microseconds(ended_before), "delete_limit": limit}

        def work(connection: Connection) -> int:
            run_ids = [row.run_id for row in connection.execute(_OLD_LOGS, values).all()]
            if run_ids:
                connection.execute(_DELETE_LOGS, {"run_ids": run_ids})
            return len(run_ids)

        return self._database.write(work)

    def delete_idempotency_keys(self, *, created_before: datetime, limit: int) -> int:
        values = {"created_before": microseconds(created_before), "delete_limit": limit}
        return len(self._database.write(lambda connection: connection.execute(_DELETE_KEYS, values).all()))
