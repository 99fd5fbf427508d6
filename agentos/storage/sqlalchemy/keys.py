"""API keys, without their secrets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, bindparam, func, insert, select, update

from agentos.storage.sqlalchemy.mapping import key_of, key_values, microseconds
from agentos.storage.sqlalchemy.store import Store
from agentos.storage.sqlalchemy.tables import api_keys
from agentos.storage.values import StoredKey

_GIVEN = api_keys.c.id == bindparam("key_id")
_ADD = insert(api_keys)
_GET = select(api_keys).where(_GIVEN)
_LIST = select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)
_REVOKE = (
    update(api_keys)
    .where(_GIVEN)
    .values(revoked_at=func.coalesce(api_keys.c.revoked_at, bindparam("now", type_=BigInteger)))
    .returning(*api_keys.c)
)


class KeyStore(Store):
    """API keys by id."""

    def add_key(self, key: StoredKey) -> None:
        values = key_values(key)
        self._database.write(lambda connection: connection.execute(_ADD, values))

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
