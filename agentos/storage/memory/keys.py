"""API keys in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from agentos.errors import StorageError
from agentos.storage.memory.records import MemoryPart
from agentos.storage.values import StoredKey


class MemoryKeys(MemoryPart):
    """API keys by id."""

    def add_key(self, key: StoredKey, *, new_owner: bool = False) -> StoredKey | None:
        with self._lock:
            if key.id in self._api_keys:
                raise StorageError(f"API key {key.id!r} is already there")
            if new_owner:
                used = next((one for one in self.list_keys() if key.owner in (one.name, one.owner)), None)
                if used is not None:
                    return used
            self._api_keys[key.id] = key
            return None

    def get_key(self, key_id: str) -> StoredKey | None:
        with self._lock:
            return self._api_keys.get(key_id)

    def list_keys(self) -> Sequence[StoredKey]:
        with self._lock:
            return sorted(self._api_keys.values(), key=lambda key: (key.created_at, key.id))

    def revoke_key(self, key_id: str, *, now: datetime) -> StoredKey | None:
        with self._lock:
            key = self._api_keys.get(key_id)
            if key is None:
                return None
            self._api_keys[key_id] = replace(key, revoked_at=key.revoked_at or now)
            return self._api_keys[key_id]
