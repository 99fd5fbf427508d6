"""A run's events for a follower that reads them from the log: from another worker, too late, or too slowly."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Sequence

from agentos.domain.event import Error, Frame
from agentos.domain.run import Run, RunStatus
from agentos.errors import RunCancelled, StorageError
from agentos.events.encoder import FrameEncoder
from agentos.execution.signals import Signals, followed_topic, run_topic
from agentos.storage.interface import Storage

PAGE = 1000
"""Frames that are read from the log at once."""

POLL = 0.1
"""Seconds between two looks into the log, if no signal comes; a worker writes ten times a second."""

POLL_BESIDE_SIGNALS = 10.0
"""Seconds between two looks while all signals of the run's worker come here."""

ANNOUNCE_EVERY = 10.0
"""Seconds after which the follower notifies the run's worker again that one of its runs is followed."""

ENDED_POLL = 1.0
"""Seconds between two looks whether the run is still there, while its log is silent."""


class LogFollower:
    """Reads one run's events from the log, as they come there."""

    def __init__(self, storage: Storage, signals: Signals, run: Run, *, poll: float = POLL) -> None:
        self._storage = storage
        self._signals = signals
        self._run = run
        self._poll = poll
        self._announced_at = -math.inf

    def follow(
        self, after: int, heartbeat: float, until: Callable[[int], bool]
    ) -> Generator[Sequence[Frame], None, int | None]:
        """Yield the frames after a number to the run's end, or ``until`` it is true of the last number that was read.

        Returns that number, or ``None`` if nothing more comes for now: after the run's end; and after a pause that it
        yielded, if the run still is in that pause. After ``heartbeat`` seconds without a frame an empty batch comes.
        """
        spoke = looked = time.monotonic()
        paused = False  # the last frame is a pause
        ask = self._run.status.finished  # find out now whether there is more to come
        with self._signals.listen(run_topic(self._run.id)) as wakeup:
            while ask or not until(after):
                has_signals = self._has_signals()
                frames = self.page(after)
                now = time.monotonic()
                if frames:
                    after, spoke = frames[-1].number, now
                    yield frames
                    if frames[-1].last:
                        return None
                    ask = paused = frames[-1].stops
                    continue
                if ask or now - looked >= (POLL_BESIDE_SIGNALS if has_signals else ENDED_POLL):
                    ask, looked = False, now
                    rest = self._rest(after, paused=paused)
                    if rest is not None:
                        yield from rest
                        return None
                if now - spoke >= heartbeat:
                    spoke = now
                    yield ()
                # A signal that comes between the look and this is kept for it.
                poll = POLL_BESIDE_SIGNALS if has_signals else self._poll
                wakeup.wait(min(poll, spoke + heartbeat - time.monotonic()))
        return after

    def _has_signals(self) -> bool:
        """Return whether the signals of the run's worker come here. Announce to it that the run is followed."""
        worker_id = self._run.worker_id
        elsewhere = worker_id is not None and worker_id != self._signals.worker_id
        if elsewhere and time.monotonic() - self._announced_at >= ANNOUNCE_EVERY:
            self._announced_at = time.monotonic()
            self._signals.notify(followed_topic(str(worker_id)))
        return self._signals.reaches(worker_id)

    def page(self, after: int) -> Sequence[Frame]:
        """Return the next frames of the log; none also while the database is away."""
        try:
            return self._storage.events.read(self._run.id, after=after, limit=PAGE)
        except StorageError:
            return ()  # The follower gets heartbeats, and continues when the database is back.

    def _rest(self, after: int, *, paused: bool) -> Sequence[Sequence[Frame]] | None:
        """Return what is left for a follower that has seen all up to ``after``; ``None``: there is more to come.

        ``paused``: the last that it was sent is a pause.
        """
        run = self._run
        try:
            # In this order: a log that is read before may lack the end, or the next pause, that the run shows.
            now = self._storage.runs.get(run.id, owner=run.owner)
            left = self._storage.events.read(run.id, after=after, limit=PAGE)
        except StorageError:
            return None
        if now is None:
            gone = RunCancelled("the run was cancelled: it was deleted, or its session was")
            error = Error(gone.phrase, gone.message, gone.code, {"run_id": run.id})
            return [[FrameEncoder(run).encode(error, after + 1)]]
        if now.worker_id != run.worker_id:  # another worker has it now
            self._run, self._announced_at = now, -math.inf
        if left:
            return [left] if left[-1].last else None
        if not now.status.finished:
            return [] if paused and now.status is RunStatus.PAUSED else None
        # A worker that dies, or loses the database, takes the events of its last moment with it. A follower
        # that was shown them must still get the run's end, though that event's number is not beyond what it has seen.
        lost = now.error is not None and (
            now.error.code == "STORAGE_ERROR" or now.error.details.get("cause") == "WORKER_LOST"
        )
        return [self._last()] if lost else []

    def _last(self) -> Sequence[Frame]:
        last: Sequence[Frame] = ()
        while frames := self.page(last[0].number if last else 0):
            last = frames[-1:]
        return last
