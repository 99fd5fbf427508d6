"""Writes the events of all runs of a worker to the log, together, a few times a second (group commit)."""

from __future__ import annotations

import logging
import threading
import time

from agentos.background_thread import BackgroundThread
from agentos.domain.run import Run
from agentos.errors import StorageError
from agentos.events.stream import EventStream
from agentos.observability.repeated import RepeatedLines
from agentos.storage.interface import Storage
from agentos.storage.values import FrameBatch

INTERVAL = 0.1
"""Seconds between two commits. A crash loses at most the events of this time, of runs that have not ended."""

logger = logging.getLogger(__name__)
repeated = RepeatedLines(logger)


class EventLog:
    """Has one thread, started by the first run, that commits what is new in all open streams in one transaction."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._open: dict[str, tuple[Run, EventStream]] = {}
        self._writing = threading.Lock()
        self._thread = BackgroundThread("event-log", self._work)
        self._wake = threading.Event()

    def open(self, run: Run, stream: EventStream) -> None:
        """Begin to write a run's events, as long as it is at the same attempt."""
        self._open[run.id] = (run, stream)
        self._wake.set()
        self._thread.start()

    def release(self, run_id: str) -> None:
        """Stop writing a run's events: after this, what its stream has not logged is the caller's to write."""
        self._open.pop(run_id, None)
        with self._writing:
            pass  # when the lock is free, a group that held frames of this run has been committed or has failed

    def close(self) -> None:
        """Stop the thread. Runs under way have been ended before."""
        self._thread.stopping.set()
        self._wake.set()
        self._thread.stop()

    def _work(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            self._wake.wait()
            self._wake.clear()
            while self._open and not stopping.is_set():
                time.sleep(INTERVAL)
                try:
                    self._write()
                except StorageError:
                    repeated.warning("events could not be logged and stay in memory; trying again")
                except Exception:  # a bug here must not leave all runs of the worker without a log
                    logger.exception("the event log met a bug")

    def _write(self) -> None:
        with self._writing:
            fresh = [
                (run, stream, frames) for run, stream in list(self._open.values()) if (frames := stream.unlogged())
            ]
            if not fresh:
                return
            batches = [FrameBatch(run.id, frames, run.attempt) for run, _, frames in fresh]
            left_out = self._storage.append_frames(batches)
            for run, stream, frames in fresh:
                if run.id not in left_out:
                    stream.mark_logged(frames[-1].number)
                elif stream.durable:  # another worker has the run: nobody may be shown what it never wrote
                    stream.hand_over()
