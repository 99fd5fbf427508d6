"""Idempotency keys in memory."""

from __future__ import annotations

from datetime import datetime

from agentos.storage.idempotency import IdempotencyKey, IdempotencyStore, Replay
from agentos.storage.memory.records import MemoryStore


class MemoryIdempotencyStore(MemoryStore, IdempotencyStore):
    """The keys that :class:`~agentos.storage.memory.used_keys.UsedKeys` has."""

    def find(self, key: IdempotencyKey) -> Replay | None:
        with self._lock:
            return self._records.used_keys.find(key)

    def delete_old(self, *, created_before: datetime, limit: int) -> int:
        with self._lock:
            return self._records.used_keys.delete(created_before=created_before, limit=limit)
