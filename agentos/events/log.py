"""Writes the events of all runs of a worker to the log, together, a few times a second (group commit)."""

from __future__ import annotations

import logging
import threading
import time

from agentos.errors import StorageError
from agentos.events.stream import EventStream
from agentos.storage.interface import FrameBatch, Storage

INTERVAL = 0.1
"""Seconds between two commits. A crash loses at most the events of this time, of runs that have not ended."""

logger = logging.getLogger(__name__)


class EventLog:
    """Has one thread, started by the first run, that commits what is new in all open streams in one transaction."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._streams: dict[str, EventStream] = {}
        self._writing = threading.Lock()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._closed = False

    def open(self, run_id: str, stream: EventStream) -> None:
        """Begin to write a run's events."""
        self._streams[run_id] = stream
        self._wake.set()
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._work, name="event-log", daemon=True)
                    self._thread.start()

    def release(self, run_id: str) -> None:
        """Stop writing a run's events: after this, what its stream has not logged is the caller's to write."""
        self._streams.pop(run_id, None)
        with self._writing:
            pass  # when the lock is free, a group that held frames of this run has been committed or has failed

    def close(self) -> None:
        """Stop the thread. Runs under way have been ended before."""
        self._closed = True
        self._wake.set()

    def _work(self) -> None:
        while not self._closed:
            self._wake.wait()
            self._wake.clear()
            while self._streams and not self._closed:
                time.sleep(INTERVAL)
                self._write()

    def _write(self) -> None:
        with self._writing:
            fresh = [(run_id, stream, stream.unlogged()) for run_id, stream in list(self._streams.items())]
            fresh = [(run_id, stream, frames) for run_id, stream, frames in fresh if frames]
            if not fresh:
                return
            try:
                self._storage.append_frames([FrameBatch(run_id, frames) for run_id, _, frames in fresh])
            except StorageError:
                logger.warning("events could not be logged and stay in memory; trying again", exc_info=True)
                return
            for _, stream, frames in fresh:
                stream.mark_logged(frames[-1].number)
