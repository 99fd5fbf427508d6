"""Which worker has a run of the memory storage: claims, leases, and runs that no living worker looks after."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import replace
from datetime import datetime
from itertools import islice

from agentos.domain.run import RunStatus
from agentos.errors import RunNotFound
from agentos.storage.admission import Admission, Lease, Unattended
from agentos.storage.memory.admission import busy_with
from agentos.storage.memory.rows import MemoryStore
from agentos.storage.memory.run_rows import RunRow, action_copy, checkpoint_copy
from agentos.storage.runs import RunStore


class MemoryClaims(MemoryStore, RunStore):
    """Gives runs to workers."""

    def claim(self, run_id: str, lease: Lease, *, now: datetime) -> Admission | None:
        with self._lock:
            row = self._rows.runs.get(run_id)
            if row is None or not row.under_way:
                raise RunNotFound(run_id)
            waits_here = row.queued and row.worker_id == lease.worker_id
            if not (row.unclaimed or waits_here or row.expired):
                raise RunNotFound(run_id)
            if row.must_not_begin:
                return None
            older = self._first_before(row)
            if older is not None:
                if waits_here and older.in_the_way:
                    raise busy_with(older)
                return None
            crashed = not row.queued
            row.run = replace(
                row.run,
                status=RunStatus.RUNNING,
                attempt=row.run.attempt if waits_here else row.run.attempt + 1,
                crashes=row.run.crashes + crashed,
                started_at=row.run.started_at or now,
            )
            row.lease(lease)
            return _admission(row, crashed=crashed)

    def cancel_requests(self, worker_id: str) -> Sequence[str]:
        with self._lock:
            return [row.run.id for row in self._leased(worker_id) if row.cancel_requested]

    def leased(self, worker_id: str) -> Set[str]:
        with self._lock:
            return {row.run.id for row in self._leased(worker_id)}

    def renew_leases(self, lease: Lease) -> Sequence[str]:
        with self._lock:
            own = self._leased(lease.worker_id)
            for row in own:
                row.lease(lease)
            return [row.run.id for row in own]

    def unattended(self, *, limit: int) -> Unattended:
        with self._lock:
            runs = [row for row in self._rows.runs.values() if row.unfinished]
            stopped = [row for row in runs if row.cancel_requested and _can_be_ended(row)]
            # A run behind another one of its session could not be claimed. Very many of these must not hide the others.
            first = [row for row in runs if row.under_way and row.expired and self._first_before(row) is None]
            first = [row for row in first if not row.must_not_begin]
            unclaimed = [row for row in first if row.worker_id is None]
            lost = [row for row in first if row.worker_id is not None]
            return Unattended(*(_oldest_ids(found, limit) for found in (unclaimed, lost, stopped)))

    def _first_before(self, row: RunRow) -> RunRow | None:
        """Return the oldest unfinished run of its session, if that is another one."""
        if row.run.session_id is None:
            return None
        session = self._rows.sessions[row.run.session_id]
        return next((one for one in session.runs if one.unfinished and one.position < row.position), None)

    def _leased(self, worker_id: str) -> Sequence[RunRow]:
        return [one for one in self._rows.runs.values() if one.unfinished and one.worker_id == worker_id]


def _can_be_ended(row: RunRow) -> bool:
    """Return whether no living worker has the run, and none has begun to execute it since its last pause."""
    return row.paused or row.unclaimed or (row.queued and row.expired)


def _admission(row: RunRow, *, crashed: bool) -> Admission:
    last = row.frames[-1] if row.frames else None
    return Admission(
        replace(row.shown(), steps=(), request=row.request),
        history=None,
        checkpoints=tuple(map(checkpoint_copy, row.checkpoints)),
        actions=tuple(map(action_copy, row.actions[row.answered_pauses :])),
        logged=0 if last is None else last.number,
        last_event=None if last is None else last.type,
        crashed=crashed,
        cancel_requested=row.cancel_requested,
    )


def _oldest_ids(rows: Iterable[RunRow], limit: int) -> Sequence[str]:
    ordered = sorted((row.run.created_at, row.run.id) for row in rows)
    return [run_id for _, run_id in islice(ordered, limit)]
