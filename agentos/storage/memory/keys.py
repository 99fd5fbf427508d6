"""API keys in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from agentos.errors import StorageError
from agentos.storage.keys import KeyStore, StoredKey
from agentos.storage.memory.rows import MemoryStore


class MemoryKeyStore(MemoryStore, KeyStore):
    """API keys by id."""

    def add(self, key: StoredKey, *, new_owner: bool = False) -> StoredKey | None:
        with self._lock:
            if key.id in self._rows.keys:
                raise StorageError(f"API key {key.id!r} is already there")
            if new_owner:
                used = next((one for one in self.list() if key.owner in (one.name, one.owner)), None)
                if used is not None:
                    return used
            self._rows.keys[key.id] = key
            return None

    def get(self, key_id: str) -> StoredKey | None:
        with self._lock:
            return self._rows.keys.get(key_id)

    def list(self) -> Sequence[StoredKey]:
        with self._lock:
            return sorted(self._rows.keys.values(), key=lambda key: (key.created_at, key.id))

    def revoke(self, key_id: str, *, now: datetime) -> StoredKey | None:
        with self._lock:
            key = self._rows.keys.get(key_id)
            if key is None:
                return None
            self._rows.keys[key_id] = replace(key, revoked_at=key.revoked_at or now)
            return self._rows.keys[key_id]
