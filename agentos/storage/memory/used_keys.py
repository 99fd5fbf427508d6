"""Which idempotency keys were used, and for what."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from agentos.storage.idempotency import IdempotencyKey, Replay


@dataclass(frozen=True, slots=True)
class _UsedKey:
    replay: Replay
    created_at: datetime
    expires_at: float


class UsedKeys:
    """The keys of requests that made something. Called under the storage's lock."""

    def __init__(self) -> None:
        self._used: dict[tuple[str, str, str], _UsedKey] = {}

    def find(self, key: IdempotencyKey | None) -> Replay | None:
        """Return what the key was used for, unless that was too long ago."""
        used = None if key is None else self._used.get((key.owner, key.route, key.key))
        return None if used is None or used.expires_at <= time.monotonic() else used.replay

    def keep(self, key: IdempotencyKey | None, made_id: str) -> None:
        """Keep the key, if there is one, of the request that made a run or session."""
        if key is not None:
            expires_at = time.monotonic() + key.seconds
            used = _UsedKey(Replay(key.fingerprint, made_id), datetime.now(UTC), expires_at)
            self._used[key.owner, key.route, key.key] = used

    def delete(self, *, created_before: datetime, limit: int) -> int:
        """Delete old keys and return how many."""
        old = [name for name, used in self._used.items() if used.created_at < created_before][:limit]
        for name in old:
            del self._used[name]
        return len(old)
