"""API keys, without their secrets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, bindparam, func, insert, or_, select, update

from agentos.storage.json_text import dumps, loads
from agentos.storage.keys import KeyStore, StoredKey
from agentos.storage.sqlalchemy.columns import Values, fields_of, microseconds, time_of, time_or_none
from agentos.storage.sqlalchemy.connection import Connection, Row
from agentos.storage.sqlalchemy.database import SqlStore
from agentos.storage.sqlalchemy.dialects import lock_until_commit
from agentos.storage.sqlalchemy.tables import api_keys

_GIVEN = api_keys.c.id == bindparam("key_id")
_ADD = insert(api_keys)
_GET = select(api_keys).where(_GIVEN)
_USED = (
    select(api_keys)
    .where(or_(api_keys.c.name == bindparam("owner"), api_keys.c.owner == bindparam("owner")))
    .order_by(api_keys.c.created_at, api_keys.c.id)
    .limit(1)
)
_LIST = select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)
_REVOKE = (
    update(api_keys)
    .where(_GIVEN)
    .values(revoked_at=func.coalesce(api_keys.c.revoked_at, bindparam("now", type_=BigInteger)))
    .returning(*api_keys.c)
)

_SAME = ("id", "name", "owner", "digest")
_SPACE = 0x6B657973
"""Our part of the advisory locks that have two numbers: "keys" in ASCII."""


class SqlKeyStore(SqlStore, KeyStore):
    """API keys by id."""

    def add(self, key: StoredKey, *, new_owner: bool = False) -> StoredKey | None:
        values = _values(key)

        def work(connection: Connection) -> StoredKey | None:
            if new_owner:
                # Keys that could take the same name are added one after the other, until the transaction ends. Keys are
                # made so seldom that one lock for all of them is enough.
                lock_until_commit(connection, _SPACE, 0)
                # After the lock, as a statement of its own: it sees what was committed before it began.
                if used := connection.execute(_USED, {"owner": key.owner}).first_as(_key):
                    return used
            connection.execute(_ADD, values)
            return None

        return self._database.write(work)

    def get(self, key_id: str) -> StoredKey | None:
        return self._database.query(_GET, {"key_id": key_id}).first_as(_key)

    def list(self) -> Sequence[StoredKey]:
        return list(map(_key, self._database.query(_LIST).all()))

    def revoke(self, key_id: str, *, now: datetime) -> StoredKey | None:
        return self._database.execute(_REVOKE, {"key_id": key_id, "now": microseconds(now)}).first_as(_key)


def _values(key: StoredKey) -> Values:
    return {
        **fields_of(key, _SAME),
        "scopes": dumps(key.scopes),
        "created_at": microseconds(key.created_at),
        "expires_at": key.expires_at and microseconds(key.expires_at),
        "revoked_at": key.revoked_at and microseconds(key.revoked_at),
    }


def _key(row: Row) -> StoredKey:
    return StoredKey(
        **fields_of(row, _SAME),
        scopes=tuple(loads(row.scopes)),
        created_at=time_of(row.created_at),
        expires_at=time_or_none(row.expires_at),
        revoked_at=time_or_none(row.revoked_at),
    )
