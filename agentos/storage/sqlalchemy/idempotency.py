"""Idempotency keys: kept in the transaction of what their request makes, so that both are there or neither."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Integer, bindparam, delete, select, tuple_

from agentos.storage.idempotency import IdempotencyKey, IdempotencyStore, Replay
from agentos.storage.sqlalchemy.columns import duration, microseconds
from agentos.storage.sqlalchemy.connection import Connection, Row
from agentos.storage.sqlalchemy.database import SqlStore
from agentos.storage.sqlalchemy.dialects import database_now, for_each_dialect
from agentos.storage.sqlalchemy.tables import idempotency_keys as keys

_FREE = ("fingerprint", "made_id", "created_at", "expires_at")


def _keep(dialect: Any) -> Any:
    """Build what keeps a new or expired key, and returns a row only then. A second request waits for the first."""
    statement = dialect.insert(keys).values(
        {
            **{name: bindparam(name) for name in ("owner", "route", "key", "fingerprint", "made_id")},
            "created_at": database_now(),
            "expires_at": database_now() + bindparam("lifetime", type_=BigInteger),
        }
    )
    return statement.on_conflict_do_update(
        index_elements=[keys.c.owner, keys.c.route, keys.c.key],
        set_={name: statement.excluded[name] for name in _FREE},
        where=keys.c.expires_at <= database_now(),
    ).returning(keys.c.made_id)


_KEEP = for_each_dialect(_keep)
_FIND = select(keys.c.fingerprint, keys.c.made_id).where(
    keys.c.owner == bindparam("owner"), keys.c.route == bindparam("route"), keys.c.key == bindparam("key")
)
_FIND_VALID = _FIND.where(keys.c.expires_at > database_now())

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
    """Keys that :func:`keep_key` kept."""

    def find(self, key: IdempotencyKey) -> Replay | None:
        return self._database.query(_FIND_VALID, _name(key)).first_as(_replay)

    def delete_old(self, *, created_before: datetime, limit: int) -> int:
        values = {"created_before": microseconds(created_before), "delete_limit": limit}
        return len(self._database.execute(_DELETE_KEYS, values).all())


def keep_key(connection: Connection, key: IdempotencyKey | None, made_id: str) -> Replay | None:
    """Keep a request's key, if it has one, for what it will make; return the replay if the key was used before."""
    if key is None:
        return None
    name = _name(key)
    given = {"fingerprint": key.fingerprint, "made_id": made_id, "lifetime": duration(key.seconds)}
    if connection.execute(_KEEP[connection.dialect], {**name, **given}).first() is not None:
        return None
    # Still there: the statement has locked the row that it did not change.
    return connection.execute(_FIND, name).first_as(_replay)


def _name(key: IdempotencyKey) -> dict[str, str]:
    return {"owner": key.owner, "route": key.route, "key": key.key}


def _replay(row: Row) -> Replay:
    return Replay(row.fingerprint, row.made_id)
