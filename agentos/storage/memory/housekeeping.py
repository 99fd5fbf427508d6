"""Deleting what has been kept long enough, in memory."""

from __future__ import annotations

from datetime import datetime
from itertools import islice

from agentos.storage.memory.records import MemoryPart


class MemoryHousekeeping(MemoryPart):
    """Retention."""

    def delete_frames(self, *, ended_before: datetime, limit: int) -> int:
        with self._lock:
            old = (
                record
                for record in self._runs.values()
                if record.frames and record.run.ended_at is not None and record.run.ended_at < ended_before
            )
            batch = list(islice(old, limit))
            for record in batch:
                record.frames.clear()
            return len(batch)

    def delete_idempotency_keys(self, *, created_before: datetime, limit: int) -> int:
        with self._lock:
            return self._keys.delete(created_before=created_before, limit=limit)
