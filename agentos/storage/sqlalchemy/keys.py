"""API keys, without their secrets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, bindparam, func, insert, or_, select, text, update

from agentos.storage.sqlalchemy.connection import Connection
from agentos.storage.sqlalchemy.mapping import key_of, key_values, microseconds
from agentos.storage.sqlalchemy.store import Store
from agentos.storage.sqlalchemy.tables import api_keys
from agentos.storage.values import StoredKey

_GIVEN = api_keys.c.id == bindparam("key_id")
_ADD = insert(api_keys)
_GET = select(api_keys).where(_GIVEN)
_USED = (
    select(api_keys)
    .where(or_(api_keys.c.name == bindparam("owner"), api_keys.c.owner == bindparam("owner")))
    .order_by(api_keys.c.created_at, api_keys.c.id)
    .limit(1)
)
# Held until the transaction ends: keys that could take the same name are added one after the other. Keys are made so
# seldom that one lock for all of them is enough.
_LOCK = text("SELECT pg_advisory_xact_lock(:space, 0)")
_SPACE = 0x6B657973
"""Our part of the advisory locks that have two numbers: "keys" in ASCII."""

_LIST = select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)
_REVOKE = (
    update(api_keys)
    .where(_GIVEN)
    .values(revoked_at=func.coalesce(api_keys.c.revoked_at, bindparam("now", type_=BigInteger)))
    .returning(*api_keys.c)
)


class KeyStore(Store):
    """API keys by id."""

    def add_key(self, key: StoredKey, *, new_owner: bool = False) -> StoredKey | None:
        values = key_values(key)

        def work(connection: Connection) -> StoredKey | None:
            if new_owner and (used := _used(connection, key.owner)):
                return used
            connection.execute(_ADD, values)
            return None

        return self._database.write(work)

    def get_key(self, key_id: str) -> StoredKey | None:
        row = self._database.read(lambda connection: connection.execute(_GET, {"key_id": key_id}).first())
        return None if row is None else key_of(row)

    def list_keys(self) -> Sequence[StoredKey]:
        rows = self._database.read(lambda connection: connection.execute(_LIST).all())
        return [key_of(row) for row in rows]

    def revoke_key(self, key_id: str, *, now: datetime) -> StoredKey | None:
        values = {"key_id": key_id, "now": microseconds(now)}
        row = self._database.write(lambda connection: connection.execute(_REVOKE, values).first())
        return None if row is None else key_of(row)


def _used(connection: Connection, owner: str) -> StoredKey | None:
    """Return the oldest key that has this name or owner. No other is added before the transaction ends."""
    if connection.dialect == "postgresql":  # on SQLite, one transaction at a time writes anyway
        connection.execute(_LOCK, {"space": _SPACE})
    # After the lock, as a statement of its own: it sees what was committed before it began.
    row = connection.execute(_USED, {"owner": owner}).first()
    return None if row is None else key_of(row)
