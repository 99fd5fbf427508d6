"""Writes the events of all runs of a worker to the log, together, a few times a second (group commit)."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from agentos.domain.event import Frame
from agentos.domain.run import Run
from agentos.events.stream import EventStream
from agentos.fair_lock import FairLock
from agentos.periodic_thread import PeriodicThread
from agentos.storage.events import FrameBatch
from agentos.storage.interface import Storage

INTERVAL = 0.1
"""Seconds between two commits. A crash loses at most the events of this time, of runs that have not ended."""

PART = 1024**2
"""Bytes of events that one commit takes, about. What many runs say at once would hold up the worker for too long."""

MOST_FRAMES = 5000
"""Events of one run that one commit takes; a model that says more in a tenth of a second waits for the next."""

Fresh = tuple[Run, EventStream, Sequence[Frame]]

logger = logging.getLogger(__name__)


class EventLog(PeriodicThread):
    """A thread, started by the first run, that commits what is new in all open streams in one transaction."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._open: dict[str, tuple[Run, EventStream]] = {}
        self._writing = FairLock()  # many runs that end at once wait for it
        failure = "events could not be logged and stay in memory; trying again"
        super().__init__(
            "event-log", self._write, INTERVAL, logger=logger, failure=failure, idle=lambda: not self._open
        )

    def open(self, run: Run, stream: EventStream) -> None:
        """Begin to write a run's events, as long as it is at the same attempt."""
        self._open[run.id] = (run, stream)
        self.wake()
        self.start()

    def release(self, run_id: str) -> None:
        """Stop writing a run's events: after this, what its stream has not logged is the caller's to write."""
        self._open.pop(run_id, None)
        # When the lock is free, a group that held frames of this run has been committed or has failed. Runs that end at
        # the same moment pass one by one, with a turn of the event loop between: to save an end is work.
        self._writing.pass_through()

    def _write(self) -> None:
        left = list(self._open.items())
        while left:
            with self._writing:  # anew for each part, so that the end of a run waits for one part at most
                if part := self._take(left):
                    self._commit(part)

    def _take(self, left: list[tuple[str, tuple[Run, EventStream]]]) -> list[Fresh]:
        """Return what is new in the last of these streams, until it is enough for a commit, and drop them."""
        part: list[Fresh] = []
        size = 0
        while left and size < PART:
            run_id, (run, stream) = left.pop()
            if run_id not in self._open:  # its end has been written meanwhile
                continue
            if frames := stream.unlogged()[:MOST_FRAMES]:
                part.append((run, stream, frames))
                size += sum(len(frame.data) for frame in frames)
        return part

    def _commit(self, part: Sequence[Fresh]) -> None:
        left_out = self._storage.events.append([FrameBatch(run.id, frames, run.attempt) for run, _, frames in part])
        for run, stream, frames in part:
            if run.id not in left_out:
                stream.mark_logged(frames[-1].number)
            elif stream.durable:  # another worker has the run and never wrote these frames
                stream.redirect_to_log()
