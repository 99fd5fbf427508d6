"""Idempotency keys in memory."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from agentos.storage.idempotency import IdempotencyKey, IdempotencyStore, Replay
from agentos.storage.memory.rows import KeyRow, MemoryStore, Rows


class MemoryIdempotencyStore(MemoryStore, IdempotencyStore):
    """Keys that :func:`keep_key` kept."""

    def find(self, key: IdempotencyKey) -> Replay | None:
        with self._lock:
            return find_key(self._rows, key)

    def delete_old(self, *, created_before: datetime, limit: int) -> int:
        with self._lock:
            used_keys = self._rows.used_keys
            old = [name for name, used in used_keys.items() if used.created_at < created_before][:limit]
            for name in old:
                del used_keys[name]
            return len(old)


def find_key(rows: Rows, key: IdempotencyKey | None) -> Replay | None:
    """Return what a key, if there is one, was used for, unless that was too long ago. Called under the lock."""
    used = None if key is None else rows.used_keys.get((key.owner, key.route, key.key))
    return None if used is None or used.expires_at <= time.monotonic() else used.replay


def keep_key(rows: Rows, key: IdempotencyKey | None, made_id: str) -> None:
    """Keep the key, if there is one, of the request that made a run or session. Called under the lock."""
    if key is not None:
        used = KeyRow(Replay(key.fingerprint, made_id), datetime.now(UTC), time.monotonic() + key.seconds)
        rows.used_keys[key.owner, key.route, key.key] = used
