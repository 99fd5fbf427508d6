"""Runs in memory, as they are looked up and listed, and asked to stop."""

from __future__ import annotations

from agentos.domain.run import Run
from agentos.storage.memory.admission import MemoryAdmission
from agentos.storage.memory.deletion import MemoryDeletion
from agentos.storage.memory.endings import MemoryEndings
from agentos.storage.memory.leases import MemoryLeases
from agentos.storage.memory.paging import matching, page
from agentos.storage.memory.records import run_copy
from agentos.storage.paging import Cursor, Page, Paging
from agentos.storage.runs import RunFilter


class MemoryRunStore(MemoryAdmission, MemoryEndings, MemoryLeases, MemoryDeletion):
    """Runs by id and by time."""

    def get(self, run_id: str, *, owner: str | None) -> Run | None:
        with self._lock:
            record = self._records.find_run(run_id, owner)
            return None if record is None else run_copy(record.run)

    def list(self, where: RunFilter, paging: Paging) -> Page[Run]:
        with self._lock:
            found = matching((record.run for record in self._records.runs.values()), where.given())
            return page(found, paging, place=lambda run: Cursor(run.created_at, run.id), copy=run_copy)

    def request_cancel(self, run_id: str, *, owner: str | None, forget: bool = False) -> Run | None:
        with self._lock:
            record = self._records.find_run(run_id, owner)
            if record is None:
                return None
            if record.unfinished:
                record.ask_to_stop(forget=forget)
            return run_copy(record.run)
