"""Idempotency keys: kept in the transaction of what their request makes, so that both are there or neither."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from agentos.storage.sqlalchemy.clock import database_now
from agentos.storage.sqlalchemy.connection import Connection
from agentos.storage.sqlalchemy.store import Store
from agentos.storage.sqlalchemy.tables import idempotency_keys as keys
from agentos.storage.values import IdempotencyKey, Repeat

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


_KEEP = {"sqlite": _keep(sqlite), "postgresql": _keep(postgresql)}
_FIND = select(keys.c.fingerprint, keys.c.made_id).where(
    keys.c.owner == bindparam("owner"), keys.c.route == bindparam("route"), keys.c.key == bindparam("key")
)
_FIND_VALID = _FIND.where(keys.c.expires_at > database_now())


class IdempotencyStore(Store):
    """Finds what requests with a key made."""

    def find_repeat(self, idempotency: IdempotencyKey) -> Repeat | None:
        name = {"owner": idempotency.owner, "route": idempotency.route, "key": idempotency.key}
        found = self._database.read(lambda connection: connection.execute(_FIND_VALID, name).first())
        return None if found is None else Repeat(found.fingerprint, found.made_id)


def keep_key(connection: Connection, key: IdempotencyKey | None, made_id: str) -> Repeat | None:
    """Keep a request's key, if it has one, for what it will make; return the repeat if the key was used before."""
    if key is None:
        return None
    name = {"owner": key.owner, "route": key.route, "key": key.key}
    given = {"fingerprint": key.fingerprint, "made_id": made_id, "lifetime": round(key.seconds * 1_000_000)}
    if connection.execute(_KEEP[connection.dialect], {**name, **given}).first() is not None:
        return None
    # Still there: the statement has locked the row that it did not change.
    (found,) = connection.execute(_FIND, name).all()
    return Repeat(found.fingerprint, found.made_id)
