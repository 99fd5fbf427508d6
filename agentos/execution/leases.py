"""Keeps this worker's runs its own, and looks after those that no worker has."""

from __future__ import annotations

import logging

from agentos.domain.run import RunStatus
from agentos.errors import RunCancelled, StorageError, WorkerLost
from agentos.execution.finalizer import UNSAVED
from agentos.execution.worker import Worker
from agentos.periodic_thread import PeriodicThread
from agentos.storage.admission import Lease
from agentos.storage.interface import Storage

SWEEP_BATCH = 100
"""Runs of each kind that are looked for at a time."""

RETRY = 1.0
"""Seconds to the next attempt after one that the database did not take: leases must not run out because it was away."""

logger = logging.getLogger(__name__)


class LeaseKeeper(PeriodicThread):
    """A thread that renews the leases of the worker in one statement and sweeps: at once, then three times a lease."""

    def __init__(self, storage: Storage, worker: Worker, lease: Lease) -> None:
        self._storage = storage
        self._worker = worker
        self._lease = lease
        self._orphans: set[str] = set()
        failure = "leases could not be renewed; trying again"
        super().__init__(
            "leases", self._work, lease.seconds / 3, logger=logger, failure=failure, retry=RETRY, at_once=True
        )
        self.transient = False
        """Set by a process that ends soon, and would take with it what it took over: it sweeps only if it has to."""
        self.renewed = self.lost = self.sweeps = self.taken_over = 0
        """Totals: leases prolonged, runs lost to others, sweeps, runs of lost workers that are executed here."""

    def _work(self) -> None:
        self.renew()
        # A run that waits may wait for a lost one.
        if not self.transient or any(live.run.status is RunStatus.QUEUED for live in self._worker.running()):
            self.sweep()

    def renew(self) -> None:
        """Prolong the leases of this worker's runs.

        A run that another worker has taken over meanwhile is stopped here. One that is leased to this worker but not
        under way in it is an orphan: its admission or its end was committed, or not, while the database broke off. Seen
        twice, it is ended, or it would be "running" as long as this worker lives.
        """
        before = self._worker.running()
        mine = set(self._storage.runs.renew_leases(self._lease))
        self.renewed += len(mine)
        for live in before:
            if live.run.id not in mine and live.stream.last is None:
                self.lost += live.cancellation.cause is None  # once, however long it takes to stop
                self._worker.stop(live, WorkerLost("another worker took the run over, or its session was deleted"))
        orphans = {run_id for run_id in mine if not self._worker.has(run_id)}
        for run_id in orphans & self._orphans:
            run = self._storage.runs.get(run_id, owner=None)
            if run is not None and run.status in (RunStatus.QUEUED, RunStatus.RUNNING):
                self._worker.end_unattended(run, StorageError(UNSAVED), silent=True)
        self._orphans = orphans

    def sweep(self) -> None:
        """Look after the runs that no living worker has. A worker that drains leaves them to the others.

        Those that wait for a worker are submitted; those of lost workers are claimed, and executed if they may be;
        those that were asked to stop are ended.
        """
        self.sweeps += 1
        seen: set[str] = set()
        while not self._worker.draining:
            found = self._storage.runs.unattended(limit=SWEEP_BATCH)
            for run_id in found.stopped:
                self._end_stopped(run_id)
            for run_id in found.lost:
                self.taken_over += self._worker.take_over(run_id)
            for run_id in () if self.transient else found.unclaimed:
                self._worker.submit(run_id)
            # There are more if a kind was cut; but those that could not be dealt with are found again and again.
            looked_at = {*found.stopped, *found.lost, *found.unclaimed}
            if looked_at <= seen or len(looked_at) < SWEEP_BATCH:
                return
            seen |= looked_at

    def _end_stopped(self, run_id: str) -> None:
        run = self._storage.runs.get(run_id, owner=None)
        if run is not None and run.status in (RunStatus.QUEUED, RunStatus.PAUSED):
            self._worker.end_unattended(run, RunCancelled("the run was cancelled"))
