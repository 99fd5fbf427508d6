"""The event logs of runs in memory."""

from __future__ import annotations

from collections.abc import Sequence, Set
from datetime import datetime
from itertools import islice

from agentos.domain.event import Frame
from agentos.storage.events import EventStore, FrameBatch, check_consecutive
from agentos.storage.memory.rows import MemoryStore


class MemoryEventStore(MemoryStore, EventStore):
    """Frames by run and number."""

    def append(self, batches: Sequence[FrameBatch]) -> Set[str]:
        for batch in batches:
            check_consecutive(batch.run_id, batch.frames)
        left_out = set()
        with self._lock:
            for batch in batches:
                row = self._rows.runs.get(batch.run_id)
                if row is not None and row.unfinished and batch.is_accepted_at(row.run.attempt):
                    row.append(batch.frames, batch.checkpoints)
                else:
                    left_out.add(batch.run_id)
        return left_out

    def read(self, run_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Frame]:
        with self._lock:
            row = self._rows.runs.get(run_id)
            frames = [] if row is None else row.frames
            start = after - frames[0].number + 1 if frames else 0  # numbers have no gaps
            return frames[max(0, start) : max(0, start + limit)]

    def delete_old(self, *, ended_before: datetime, limit: int) -> int:
        with self._lock:
            old = (
                row
                for row in self._rows.runs.values()
                if row.frames and row.run.ended_at is not None and row.run.ended_at < ended_before
            )
            batch = list(islice(old, limit))
            for row in batch:
                row.frames.clear()
            return len(batch)
