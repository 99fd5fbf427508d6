"""How long runs in the background wait for their session's turn, which they do in the database and in no thread."""

from __future__ import annotations

import logging
import math
import threading
import time

from agentos.domain.run import RunStatus
from agentos.errors import StorageError
from agentos.execution.session_queue import waited_too_long
from agentos.execution.unattended import UnattendedRuns
from agentos.storage.interface import Storage
from agentos.timers import TimerHandle, TimerThread

logger = logging.getLogger(__name__)


class BackgroundWaits:
    """Ends runs that have waited for ``seconds`` since a worker found that it is not their turn.

    That worker keeps the time. If it is gone before, the run waits on, until it is its turn or a client cancels it.
    """

    def __init__(
        self, storage: Storage, timers: TimerThread, unattended: UnattendedRuns, *, seconds: float = math.inf
    ) -> None:
        self._storage = storage
        self._timers = timers
        self._unattended = unattended
        self._seconds = seconds
        self._lock = threading.Lock()
        self._waits: dict[str, TimerHandle] = {}

    def begin(self, run_id: str) -> None:
        """Note that a run waits. Its time runs from the first time that this is called."""
        if self._seconds == math.inf:
            return
        with self._lock:
            if run_id not in self._waits:
                ends = time.monotonic() + self._seconds
                self._waits[run_id] = self._timers.call_at(ends, lambda: self._over(run_id))

    def end(self, run_id: str) -> None:
        """Note that a run does not wait any more."""
        with self._lock:
            timer = self._waits.pop(run_id, None)
        if timer is not None:
            timer.cancel()

    def _over(self, run_id: str) -> None:
        with self._lock:
            self._waits.pop(run_id, None)
        threading.Thread(target=self._end, args=(run_id,), name=f"run-{run_id}", daemon=True).start()

    def _end(self, run_id: str) -> None:
        try:
            run = self._storage.runs.get(run_id, owner=None)
            # One that was claimed before, and paused, has had its turn.
            if run is not None and run.status is RunStatus.QUEUED and run.attempt == 0:
                self._unattended.end(run, waited_too_long(self._seconds))
        except StorageError:
            logger.warning("a run that waited too long could not be ended; it waits on", extra={"run_id": run_id})
