"""Looks after the runs that no worker has."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from agentos.domain.run import RunStatus
from agentos.domain.stored_request import RunMode
from agentos.errors import RunCancelled, StorageError
from agentos.execution.finalizer import UNSAVED
from agentos.execution.leases import RETRY, LeaseKeeper
from agentos.execution.preparation import Prepare
from agentos.execution.worker import Worker
from agentos.periodic_thread import PeriodicThread
from agentos.storage.admission import Lease
from agentos.storage.interface import Storage

SWEEP_BATCH = 100
"""Runs of each kind that are looked for at a time."""

logger = logging.getLogger(__name__)


class Sweeper(PeriodicThread):
    """A thread that looks for such runs: at once, then three times a lease.

    A sweep may take long: it reads logs, and plugins see the ends. So it is not the thread that renews leases.
    """

    def __init__(
        self,
        storage: Storage,
        worker: Worker,
        lease: Lease,
        leases: LeaseKeeper,
        *,
        prepare: Prepare,
        max_attempts: int = 1,
    ) -> None:
        self._storage = storage
        self._worker = worker
        self._leases = leases
        self._prepare = prepare
        self._max_attempts = max_attempts
        self._orphans: set[str] = set()
        failure = "runs that no worker has could not be looked for; trying again"
        super().__init__(
            "sweep", self._work, lease.seconds / 3, logger=logger, failure=failure, retry=RETRY, at_once=True
        )
        self.transient = False
        """Set by a process that ends soon, and would take with it what it took over: it sweeps only if it has to."""
        self.sweeps = 0
        """Total of the sweeps."""

    def _work(self) -> None:
        self.end_orphans()
        # A run that waits may wait for a lost one.
        if not self.transient or any(live.run.status is RunStatus.QUEUED for live in self._worker.running()):
            self.sweep()

    def end_orphans(self) -> None:
        """End runs that are leased to this worker but not under way in it.

        Their admission or their end was committed, or not, while the database broke off. One is ended when it is seen
        twice, or it would be "running" as long as this worker lives. Seen once, it may be one that is just admitted.

        The look prolongs all leases, so that after an outage no sweep comes before that.
        """
        orphans = {run_id for run_id in self._leases.prolong() if not self._worker.has(run_id)}
        for run_id in orphans & self._orphans:
            self._alone(self._end_orphan, run_id)
        self._orphans = orphans

    def sweep(self) -> None:
        """Look after the runs that no living worker has. A worker that drains leaves them to the others.

        Those that wait for a worker are submitted; those of lost workers are claimed, and executed if they may be (by
        the executor those in the background); those that were asked to stop are ended.
        """
        self.sweeps += 1
        seen: set[str] = set()
        while not (self._worker.draining or self.stopping.is_set()):
            # Runs that were looked at and are still there, such as those that wait for the executor, hide no others.
            limit = max(SWEEP_BATCH, 2 * len(seen))
            found = self._storage.runs.unattended(limit=limit)
            unclaimed = found.unclaimed[:SWEEP_BATCH]
            for look_after, run_ids in ((self._end_stopped, found.stopped), (self._take_over, found.lost)):
                for run_id in run_ids:
                    if run_id not in seen:
                        self._alone(look_after, run_id)
            for run_id in () if self.transient else unclaimed:
                self._worker.submit(run_id)
            was_cut = limit in (len(found.stopped), len(found.lost)) or len(unclaimed) == SWEEP_BATCH
            looked_at = {*found.stopped, *found.lost, *unclaimed}
            if looked_at <= seen or not was_cut:
                return
            seen |= looked_at

    def _alone(self, function: Callable[[str], None], run_id: str) -> None:
        """Call a function for one run. If it fails, the others are looked after all the same.

        Raises :class:`~agentos.errors.StorageError` if the database itself is away.
        """
        if self.stopping.is_set():
            return
        try:
            function(run_id)
        except StorageError:
            self._storage.check()
            self._repeated.warning("a run that no worker has could not be looked after", extra={"run_id": run_id})
        except Exception:
            logger.exception("looking after a run that no worker has met a bug", extra={"run_id": run_id})

    def _end_orphan(self, run_id: str) -> None:
        run = self._storage.runs.get(run_id, owner=None)
        if run is not None and run.status in (RunStatus.QUEUED, RunStatus.RUNNING):
            self._worker.end_unattended(run, StorageError(UNSAVED), silent=True)

    def _end_stopped(self, run_id: str) -> None:
        run = self._storage.runs.get(run_id, owner=None)
        if run is not None and run.status in (RunStatus.QUEUED, RunStatus.PAUSED):
            self._worker.end_unattended(run, RunCancelled("the run was cancelled"))

    def _take_over(self, run_id: str) -> None:
        if self._is_for_executor(run_id):
            self._worker.submit(run_id)
        else:
            self._worker.take_over(run_id)

    def _is_for_executor(self, run_id: str) -> bool:
        """Return whether a run of a lost worker is in the background and may continue. Others are claimed at once.

        This is only about who claims it. The claim decides again.
        """
        request = self._storage.runs.request(run_id, owner=None)
        run = self._storage.runs.get(run_id, owner=None)
        if request is None or run is None or run.worker_id is None or request.mode is not RunMode.BACKGROUND:
            return False
        if run.crashes + 1 >= self._max_attempts or run_id in self._storage.runs.cancel_requests(run.worker_id):
            return False
        try:
            return self._prepare(replace(run, request=request)).limits.durable
        except StorageError:
            raise
        except Exception:  # noqa: BLE001 - the claim meets it again, logs it, and ends the run
            return False
