"""API keys in Redis."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from agentos import StorageError
from agentos.backends import KeyStore, StoredKey, dumps, loads
from agentos_redis.storage.database import RedisStore, Refusal
from agentos_redis.storage.values import stamp, text_of, time_of, time_or_none

_SAME = ("id", "name", "owner", "digest")


class RedisKeyStore(RedisStore, KeyStore):
    """API keys by id."""

    def add(self, key: StoredKey, *, new_owner: bool = False) -> StoredKey | None:
        document: dict[str, Any] = {name: getattr(key, name) for name in _SAME}
        document.update(scopes=list(key.scopes), created_at=stamp(key.created_at))
        if key.expires_at is not None:
            document["expires_at"] = stamp(key.expires_at)
        try:
            row = self._database.write(
                "key_add",
                id=key.id,
                text=dumps(document),
                name=key.name,
                key_owner=key.owner,
                created=stamp(key.created_at),
                revoked=None if key.revoked_at is None else stamp(key.revoked_at),
                new_owner=new_owner,
            )
        except Refusal:
            raise StorageError(f"API key {key.id!r} is already there") from None
        return None if row is None else _key_of(row)

    def get(self, key_id: str) -> StoredKey | None:
        row = self._database.read("key_get", id=key_id)
        return None if row is None else _key_of(row)

    def list(self) -> Sequence[StoredKey]:
        return list(map(_key_of, self._database.read("key_list")))

    def revoke(self, key_id: str, *, now: datetime) -> StoredKey | None:
        row = self._database.write("key_revoke", id=key_id, now=stamp(now))
        return None if row is None else _key_of(row)


def _key_of(row: Sequence[bytes | None]) -> StoredKey:
    text, revoked = row
    stored = loads(text_of(text or b""))
    expires = stored.get("expires_at")
    return StoredKey(
        **{name: stored[name] for name in _SAME},
        scopes=tuple(stored["scopes"]),
        created_at=time_of(stored["created_at"].encode()),
        expires_at=None if expires is None else time_of(expires.encode()),
        revoked_at=time_or_none(revoked),
    )
