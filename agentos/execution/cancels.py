"""Finds out that a run of this worker is to be stopped or was deleted, by any worker or command."""

from __future__ import annotations

import logging
from itertools import count

from agentos.errors import RunCancelled, WorkerLost
from agentos.execution.listening_thread import ListeningThread
from agentos.execution.runs_here import RunsHere
from agentos.execution.signals import Signals, worker_topic
from agentos.storage.interface import Storage

INTERVAL = 0.25
"""Seconds between two questions, if no signal comes; a run is cut well within a second."""

GONE_EVERY = 2
"""Looks between two questions which runs were deleted. That answer is larger: an id for each run of the worker."""

logger = logging.getLogger(__name__)


class CancelWatch(ListeningThread):
    """A thread that asks the database, while there are runs, which of them are to be stopped."""

    def __init__(
        self, storage: Storage, here: RunsHere, worker_id: str, signals: Signals, *, seconds: float = INTERVAL
    ) -> None:
        self._storage = storage
        self._here = here
        self._worker_id = worker_id
        self._looks = count(1)
        failure = "cancel requests could not be read; trying again"
        super().__init__(
            signals, worker_topic(worker_id), "cancels", self._work, seconds, logger=logger, failure=failure
        )

    def look(self) -> None:
        """Stop the runs that are to be stopped, side by side."""
        for run_id in self._storage.runs.cancel_requests(self._worker_id):
            self._here.cancel(run_id, RunCancelled("the run was cancelled"))

    def look_for_gone(self) -> None:
        """Stop the runs that were deleted, by any process, which leaves no request behind, or taken over."""
        before = [live for live in self._here.running() if live.stream.last is None]
        if not before:
            return
        leased = self._storage.runs.leased(self._worker_id)
        for live in before:
            # Not one that has paused and was resumed here meanwhile, which has the same id.
            if live.run.id not in leased and self._here.get(live.run.id) is live:
                self._here.cancel(live.run.id, WorkerLost("the run was deleted, or another worker took it over"))

    def _work(self) -> None:
        if self._here.running():
            self.look()
            if next(self._looks) % GONE_EVERY == 0:
                self.look_for_gone()
