"""Keeps this worker's runs its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Set

from agentos.errors import WorkerLost
from agentos.execution.worker import Worker
from agentos.periodic_thread import PeriodicThread
from agentos.storage.admission import Lease
from agentos.storage.interface import Storage

RETRY = 1.0
"""Seconds to the next attempt after one that the database did not take: leases must not run out because it was away."""

logger = logging.getLogger(__name__)


class LeaseKeeper(PeriodicThread):
    """A thread that renews the leases of the worker in one statement: at once, then three times a lease.

    It does nothing that could take long. While a lease is not renewed, other workers take the runs for lost.
    """

    def __init__(self, storage: Storage, worker: Worker, lease: Lease) -> None:
        self._storage = storage
        self._worker = worker
        self._lease = lease
        # Two statements that prolong the same rows at once could block each other for good.
        self._prolonging = threading.Lock()
        failure = "leases could not be renewed; trying again"
        super().__init__(
            "leases", self.renew, lease.seconds / 3, logger=logger, failure=failure, retry=RETRY, at_once=True
        )
        self.renewed = self.lost = 0
        """Totals: leases prolonged, runs lost to others."""

    def renew(self) -> None:
        """Prolong the leases of this worker's runs, and stop those that another worker has taken over meanwhile."""
        before = self._worker.running()
        mine = self.prolong()
        for live in before:
            if live.run.id in mine or live.stream.last is not None or live.cancellation.cause is not None:
                continue
            # Not one that has paused and was resumed here meanwhile, which has the same id.
            if self._worker.get(live.run.id) is live:
                self.lost += 1
                cause = WorkerLost("another worker took the run over, or its session was deleted")
                self._worker.cancel(live.run.id, cause)

    def prolong(self) -> Set[str]:
        """Prolong the leases of this worker's runs; return the ids of the runs. Any thread may call it."""
        with self._prolonging:
            mine = set(self._storage.runs.renew_leases(self._lease))
            self.renewed += len(mine)
        return mine
