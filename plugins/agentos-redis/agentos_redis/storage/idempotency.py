"""Idempotency keys in Redis."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from agentos.backends import IdempotencyKey, IdempotencyStore, Replay
from agentos_redis.storage.database import RedisStore
from agentos_redis.storage.values import duration, stamp, text_of


class RedisIdempotencyStore(RedisStore, IdempotencyStore):
    """Keys that admissions and new sessions kept."""

    def find(self, key: IdempotencyKey) -> Replay | None:
        found = self._database.read("used_find", key=key_values(key))
        return None if found is None else replay_of(found)

    def delete_old(self, *, created_before: datetime, limit: int) -> int:
        return int(self._database.write("used_delete_old", before=stamp(created_before), limit=limit))


def key_values(key: IdempotencyKey | None) -> dict[str, Any] | None:
    """Return what an operation needs of a key."""
    if key is None:
        return None
    name = "\0".join((key.owner, key.route, key.key))
    return {"name": name, "fingerprint": key.fingerprint, "lasts": duration(key.seconds)}


def replay_of(reply: list[Any]) -> Replay:
    """Return what a key was used for."""
    return Replay(text_of(reply[1]), text_of(reply[2]))
