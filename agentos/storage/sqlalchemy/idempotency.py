"""Idempotency keys: found, and deleted when they are old."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Integer, bindparam, delete, select, tuple_

from agentos.storage.idempotency import IdempotencyKey, IdempotencyStore, Replay
from agentos.storage.sqlalchemy.columns import microseconds
from agentos.storage.sqlalchemy.store import SqlStore
from agentos.storage.sqlalchemy.tables import idempotency_keys as keys
from agentos.storage.sqlalchemy.used_keys import FIND_VALID, key_name, replay_of

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


class SqlIdempotencyStore(SqlStore, IdempotencyStore):
    """Keys that :func:`~agentos.storage.sqlalchemy.used_keys.keep_key` kept."""

    def find(self, key: IdempotencyKey) -> Replay | None:
        return self._database.query(FIND_VALID, key_name(key)).first_as(replay_of)

    def delete_old(self, *, created_before: datetime, limit: int) -> int:
        values = {"created_before": microseconds(created_before), "delete_limit": limit}
        return len(self._database.execute(_DELETE_KEYS, values).all())
