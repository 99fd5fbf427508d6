"""Idempotency keys: kept in the transaction of what their request makes, so that both are there or neither."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, bindparam, select

from agentos.storage.idempotency import IdempotencyKey, Replay
from agentos.storage.sqlalchemy.clock import database_now
from agentos.storage.sqlalchemy.columns import duration
from agentos.storage.sqlalchemy.connection import Connection, Row
from agentos.storage.sqlalchemy.dialects import for_each_dialect
from agentos.storage.sqlalchemy.tables import idempotency_keys as keys

_FREE = ("fingerprint", "made_id", "created_at", "expires_at")


def _keep(dialect: Any) -> Any:
    """Build the statement that keeps a key which is new or has expired, and returns a row only then.

    A second request with the key waits in it until the first one's transaction has ended.
    """
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
FIND_VALID = _FIND.where(keys.c.expires_at > database_now())
"""Finds a key that has not expired."""


def keep_key(connection: Connection, key: IdempotencyKey | None, made_id: str) -> Replay | None:
    """Keep a request's key, if it has one, for what it will make; return the replay if the key was used before."""
    if key is None:
        return None
    name = key_name(key)
    given = {"fingerprint": key.fingerprint, "made_id": made_id, "lifetime": duration(key.seconds)}
    if connection.execute(_KEEP[connection.dialect], {**name, **given}).first() is not None:
        return None
    # Still there: the statement has locked the row that it did not change.
    return connection.execute(_FIND, name).first_as(replay_of)


def key_name(key: IdempotencyKey) -> dict[str, str]:
    """Return the parameters that name a key."""
    return {"owner": key.owner, "route": key.route, "key": key.key}


def replay_of(row: Row) -> Replay:
    """Return what the key of a row was used for."""
    return Replay(row.fingerprint, row.made_id)
