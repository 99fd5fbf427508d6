"""Which worker executes a run, in memory."""

from __future__ import annotations

import time
from collections.abc import Sequence, Set
from dataclasses import replace

from agentos.domain.run import Run
from agentos.storage.admission import Lease
from agentos.storage.memory.records import MemoryStore, RunRecord, run_copy
from agentos.storage.runs import RunStore


class MemoryLeases(MemoryStore, RunStore):
    """Leases of unfinished runs."""

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

    def _leased(self, worker_id: str) -> list[RunRecord]:
        return [one for one in self._records.runs.values() if one.unfinished and one.worker_id == worker_id]
