"""Writes the events of all runs of a worker to the log, together, a few times a second (group commit)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from agentos.domain.checkpoint import Checkpoint
from agentos.domain.event import Frame
from agentos.domain.run import Run
from agentos.events.stream import EventStream
from agentos.fair_lock import FairLock
from agentos.periodic_thread import PeriodicThread
from agentos.storage.events import FrameBatch
from agentos.storage.interface import Storage

INTERVAL = 0.1
"""Seconds between two commits. A crash loses at most the events of this time, of runs that have not ended."""

PROMPT = 0.005
"""The same while runs are followed at other workers, and signals tell them of each commit."""

PROMPT_SECONDS = 30.0
"""How long that lasts after it was last said that one is followed."""

PART = 1024**2
"""Bytes of events that one commit takes, about. What many runs say at once would hold up the worker for too long."""

MOST_FRAMES = 5000
"""Events of one run that one commit takes; a model that says more in a tenth of a second waits for the next."""

Fresh = tuple[Run, EventStream, Sequence[Frame], Sequence[Checkpoint]]

logger = logging.getLogger(__name__)


class EventLog(PeriodicThread):
    """A thread, started by the first run, that commits what is new in all open streams in one transaction.

    ``notify`` gets the topics of the runs that have new events in the log, after each commit. ``is_followed`` returns
    whether it was said since the last call that some run here is followed at another worker.
    """

    def __init__(
        self,
        storage: Storage,
        notify: Callable[..., object] = lambda *_: None,
        is_followed: Callable[[], bool] = lambda: False,
    ) -> None:
        self._storage = storage
        self._notify = notify
        self._is_followed = is_followed
        self._prompt_until = 0.0
        self._open: dict[str, tuple[Run, EventStream]] = {}
        self._writing = FairLock()  # many runs that end at once wait for it
        self._complete_at = 0.0  # when a write began after which the log had all that there was
        self.commits = self.events = 0
        self.commit_seconds = 0.0
        """Totals: commits, the events that they wrote, the time that they took."""
        failure = "events could not be logged and stay in memory; trying again"
        super().__init__(
            "event-log", self._write, INTERVAL, logger=logger, failure=failure, idle=lambda: not self._open
        )

    def open(self, run: Run, stream: EventStream) -> None:
        """Begin to write a run's events, as long as it is at the same attempt."""
        if not self._open:
            self._complete_at = time.monotonic()
        self._open[run.id] = (run, stream)
        self.wake()
        self.start()

    @property
    def lag(self) -> float:
        """The age in seconds that the oldest event which is not in the log may have; 0 without a run."""
        return time.monotonic() - self._complete_at if self._open else 0.0

    def release(self, run_id: str) -> None:
        """Stop writing a run's events: after this, what its stream has not logged is the caller's to write."""
        self._open.pop(run_id, None)
        # When the lock is free, a group that held frames of this run has been committed or has failed. Runs that end at
        # the same moment pass one by one, with a turn of the event loop between: to save an end is work.
        self._writing.pass_through()

    def _pause(self) -> float:
        now = time.monotonic()
        if self._is_followed():
            self._prompt_until = now + PROMPT_SECONDS
        return PROMPT if now < self._prompt_until else INTERVAL

    def _write(self) -> None:
        began = time.monotonic()
        left = list(self._open.items())
        while left:
            with self._writing:  # anew for each part, so that the end of a run waits for one part at most
                if part := self._take(left):
                    self._commit(part)
        self._complete_at = began

    def _take(self, left: list[tuple[str, tuple[Run, EventStream]]]) -> list[Fresh]:
        """Return what is new in the last of these streams, until it is enough for a commit, and drop them."""
        part: list[Fresh] = []
        size = 0
        while left and size < PART:
            run_id, (run, stream) = left.pop()
            if run_id not in self._open:  # its end has been written meanwhile
                continue
            frames, checkpoints = stream.unsaved(MOST_FRAMES)
            if frames or checkpoints:
                part.append((run, stream, frames, checkpoints))
                size += sum(len(frame.data) for frame in frames) + sum(map(_size, checkpoints))
        return part

    def _commit(self, part: Sequence[Fresh]) -> None:
        batches = [FrameBatch(run.id, frames, run.attempt, checkpoints) for run, _, frames, checkpoints in part]
        began = time.monotonic()
        left_out = self._storage.events.append(batches)
        self.commits += 1
        self.events += sum(len(batch.frames) for batch in batches)
        self.commit_seconds += time.monotonic() - began
        for run, stream, frames, checkpoints in part:
            if run.id not in left_out:
                stream.mark_logged(frames[-1].number if frames else 0, len(checkpoints))
            elif stream.durable:  # another worker has the run and never wrote these frames
                stream.redirect_to_log()
        if logged := [f"run:{run.id}" for run, _, frames, _ in part if frames and run.id not in left_out]:
            self._notify(*logged)


def _size(checkpoint: Checkpoint) -> int:
    """Return about how many bytes a checkpoint has."""
    return len(checkpoint.reasoning) + sum(len(message.content) for message in checkpoint.messages)
