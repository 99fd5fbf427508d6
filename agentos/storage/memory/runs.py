"""Runs in memory, as they are looked up, listed and asked to stop, and which worker executes them."""

from __future__ import annotations

import time
from collections.abc import Sequence, Set
from dataclasses import replace

from agentos.domain.run import Run
from agentos.storage.admission import Lease
from agentos.storage.memory.admission import MemoryAdmission
from agentos.storage.memory.deletion import MemoryDeletion
from agentos.storage.memory.endings import MemoryEndings
from agentos.storage.memory.paging import matching, page
from agentos.storage.memory.records import RunRecord, run_copy
from agentos.storage.paging import Cursor, Page, Paging
from agentos.storage.runs import RunFilter


class MemoryRunStore(MemoryAdmission, MemoryEndings, MemoryDeletion):
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

    def cancel_requests(self, worker_id: str) -> Sequence[str]:
        with self._lock:
            return [record.run.id for record in self._leased(worker_id) if record.cancel_requested]

    def leased(self, worker_id: str) -> Set[str]:
        with self._lock:
            return {record.run.id for record in self._leased(worker_id)}

    def renew_leases(self, lease: Lease) -> Sequence[str]:
        with self._lock:
            own = self._leased(lease.worker_id)
            for record in own:
                record.lease(lease)
            return [record.run.id for record in own]

    def take_lost(self, lease: Lease, *, limit: int) -> Sequence[Run]:
        with self._lock:
            now = time.monotonic()
            lost = [one for one in self._records.runs.values() if one.unfinished and one.lease_until < now]
            taken = sorted(lost, key=lambda record: record.place)[:limit]
            for record in taken:
                record.run = replace(record.run, attempt=record.run.attempt + 1)
                record.lease(lease)
            return [run_copy(record.run) for record in taken]

    def _leased(self, worker_id: str) -> Sequence[RunRecord]:
        return [one for one in self._records.runs.values() if one.unfinished and one.worker_id == worker_id]
