"""The event logs of runs in memory."""

from __future__ import annotations

from collections.abc import Sequence, Set
from datetime import datetime
from itertools import islice

from agentos.domain.event import Frame
from agentos.storage.events import EventStore, FrameBatch, check_consecutive
from agentos.storage.memory.records import MemoryStore


class MemoryEventStore(MemoryStore, EventStore):
    """Frames by run and number."""

    def append(self, batches: Sequence[FrameBatch]) -> Set[str]:
        for batch in batches:
            check_consecutive(batch.run_id, batch.frames)
        left_out = set()
        with self._lock:
            for batch in batches:
                record = self._records.runs.get(batch.run_id)
                if record is not None and record.unfinished and batch.is_accepted_at(record.run.attempt):
                    record.append(batch.frames)
                else:
                    left_out.add(batch.run_id)
        return left_out

    def read(self, run_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Frame]:
        with self._lock:
            record = self._records.runs.get(run_id)
            frames = [] if record is None else record.frames
            start = after - frames[0].number + 1 if frames else 0  # numbers have no gaps
            return frames[max(0, start) : max(0, start + limit)]

    def delete_old(self, *, ended_before: datetime, limit: int) -> int:
        with self._lock:
            old = (
                record
                for record in self._records.runs.values()
                if record.frames and record.run.ended_at is not None and record.run.ended_at < ended_before
            )
            batch = list(islice(old, limit))
            for record in batch:
                record.frames.clear()
            return len(batch)
