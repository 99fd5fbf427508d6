"""Deleting runs without their session, in memory."""

from __future__ import annotations

from datetime import datetime

from agentos.domain.run import Run
from agentos.storage.memory.paging import oldest_runs
from agentos.storage.memory.records import MemoryStore, run_copy
from agentos.storage.paging import Cursor
from agentos.storage.runs import RunStore


class MemoryDeletion(MemoryStore, RunStore):
    """Runs that are deleted alone, or as they are old."""

    def delete(self, run_id: str, *, owner: str | None) -> Run | None:
        with self._lock:
            record = self._records.find_run(run_id, owner)
            if record is None:
                return None
            if not record.unfinished:
                self._records.delete_run(record)
            return run_copy(record.run)

    def delete_old(
        self, *, ended_before: datetime, after: Cursor | None = None, limit: int
    ) -> tuple[int, Cursor | None]:
        with self._lock:
            made = [one for one in self._records.runs.values() if one.run.created_at < ended_before]
            looked_at, following = oldest_runs(made, after=after, limit=limit)
            deleted = [
                one
                for one in looked_at
                if one.run.session_id is None and one.run.ended_at is not None and one.run.ended_at < ended_before
            ]
            for record in deleted:
                self._records.delete_run(record)
            return len(deleted), following
