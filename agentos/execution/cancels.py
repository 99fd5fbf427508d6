"""Finds out that a run of this worker is to be stopped, whichever worker was told so."""

from __future__ import annotations

import logging
from threading import Event

from agentos.background_thread import BackgroundThread
from agentos.errors import RunCancelled, StorageError
from agentos.execution.runner import Runner
from agentos.observability.repeated import RepeatedLines
from agentos.storage.interface import Storage

INTERVAL = 0.25
"""Seconds between two questions; a run is cut well within a second."""

logger = logging.getLogger(__name__)
repeated = RepeatedLines(logger)


class CancelWatch:
    """Has one thread that asks the database, while there are runs, which of them are to be stopped."""

    def __init__(self, storage: Storage, runner: Runner, owner: str) -> None:
        self._storage = storage
        self._runner = runner
        self._owner = owner
        self._thread = BackgroundThread("cancels", self._work)

    def start(self) -> None:
        """Start the thread unless it runs."""
        self._thread.start()

    def close(self) -> None:
        """Stop the thread."""
        self._thread.stop()

    def look(self) -> None:
        """Stop the runs that are to be stopped, side by side."""
        for run_id in self._storage.cancel_requests(self._owner):
            self._runner.cancel(run_id, RunCancelled("the run was cancelled"))

    def _work(self, stopping: Event) -> None:
        while not stopping.wait(INTERVAL):
            if not self._runner.running():
                continue
            try:
                self.look()
            except StorageError:
                repeated.warning("cancel requests could not be read; trying again")
            except Exception:  # a bug here must not make runs unstoppable
                logger.exception("the watch for cancel requests met a bug")
