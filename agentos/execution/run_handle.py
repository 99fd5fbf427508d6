"""One run as a caller follows, awaits and cancels it, at any worker: in memory where it executes, else in the log."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence

from agentos.domain.event import Error, Frame
from agentos.domain.run import Run
from agentos.errors import EventsExpired, RunCancelled, RunFinished, RunNotFound, StorageError
from agentos.events.encoder import FrameEncoder
from agentos.events.stream import Sink
from agentos.execution.live import LiveRun
from agentos.execution.runner import Runner
from agentos.storage.interface import Storage

PAGE = 1000
"""Frames that are read from the log at once."""

POLL = 0.1
"""Seconds between two looks into the log of a run that executes elsewhere; its worker writes ten times a second."""

ENDED_POLL = 1.0
"""Seconds between two looks whether such a run is still there, while its log is silent."""


class RunHandle:
    """One run for one caller.

    A run that is not ``owner``'s behaves like a missing one; with ``None``, all runs are visible. ``live`` is the run
    if the caller has just started it. ``replayed``: an earlier request with the same idempotency key started it.
    """

    def __init__(
        self,
        storage: Storage,
        runner: Runner,
        run_id: str,
        *,
        owner: str | None,
        live: LiveRun | None = None,
        replayed: bool = False,
    ) -> None:
        self.run_id = run_id
        self.replayed = replayed
        self._storage = storage
        self._runner = runner
        self._owner = owner
        self._found = live

    def get(self) -> Run:
        """Return the run as it is saved. Raises :class:`~agentos.errors.RunNotFound`."""
        run = self._storage.runs.get(self.run_id, owner=self._owner)
        if run is None:
            raise RunNotFound(self.run_id)
        return run

    def follow(self, after: int = 0, *, heartbeat: float, sink: Sink | None = None) -> Iterator[Sequence[Frame]]:
        """Return the frames after number ``after``, those that are there together, until the last one.

        After ``heartbeat`` seconds without a frame an empty batch comes. In this run's worker, ``sink`` may take frames
        in place of a batch (see :meth:`agentos.events.stream.EventStream.follow`). Raises, before it returns,
        :class:`~agentos.errors.RunNotFound`, or :class:`~agentos.errors.EventsExpired` for a run that ended so long ago
        that its events are gone.
        """
        live = self._live()
        if live is not None:
            return self._follow_live(live, after, heartbeat, sink)
        run = self.get()
        if run.status.finished and not self._storage.events.read(run.id, limit=1):
            raise EventsExpired(f"the events of run {run.id!r} are not kept any more; GET the run for how it ended")
        return self._read(run, after, heartbeat)

    def wait(self, timeout: float) -> Run | None:
        """Wait for the run's end and return it as it is saved, or as its client must see it; ``None``: not in time.

        Raises :class:`~agentos.errors.RunNotFound`, also for one that is deleted meanwhile.
        """
        live, deadline = self._live(), time.monotonic() + timeout
        if live is None:
            return self._poll(deadline)
        if live.stream.wait(timeout) is not None:
            return live.run
        return self._poll(deadline) if live.stream.redirected_to_log else None

    def cancel(self) -> Run:
        """Stop the run, wherever it executes; return it as it is now. Raises ``RunNotFound``, or ``RunFinished``."""
        run = self._storage.runs.request_cancel(self.run_id, owner=self._owner)
        if run is None:
            raise RunNotFound(self.run_id)
        if run.status.finished:
            raise RunFinished(f"run {run.id!r} has ended as {run.status.value}; there is nothing left to cancel")
        self._runner.cancel(run.id, RunCancelled("the run was cancelled"))
        return run

    def ended(self) -> Run | None:
        """Return the run as it ended; ``None`` if it has not, or cannot be read now."""
        live = self._live()
        try:
            run = self.get() if live is None else live.run
        except (RunNotFound, StorageError):
            return None
        return run if run.status.finished else None

    def _live(self) -> LiveRun | None:
        """Return the run if it is, or was, under way in this worker."""
        if self._found is None:
            live = self._runner.get(self.run_id)
            self._found = live if live is not None and self._owner in (None, live.run.owner) else None
        return self._found

    def _follow_live(self, live: LiveRun, after: int, heartbeat: float, sink: Sink | None) -> Iterator[Sequence[Frame]]:
        stream = live.stream
        while True:
            after = yield from stream.follow(after, heartbeat=heartbeat, sink=sink)
            if stream.retains(after):
                if stream.redirected_to_log and stream.last is None:
                    yield from self._read(live.run, after, heartbeat)
                return
            # A slow reader, or a late one.
            caught_up = yield from self._read(live.run, after, heartbeat, until=stream.retains)
            if caught_up is None:
                return
            after = caught_up

    def _poll(self, deadline: float) -> Run | None:
        while True:
            run = self.get()
            if run.status.finished:
                return run
            if time.monotonic() >= deadline:
                return None
            time.sleep(POLL)

    def _read(
        self, run: Run, after: int, heartbeat: float, *, until: Callable[[int], bool] | None = None
    ) -> Generator[Sequence[Frame], None, int | None]:
        """Yield what the log has, as it comes there, to the run's end; or ``until`` it is true of a frame's number.

        Returns that number, ``None`` after the end.
        """
        spoke = looked = time.monotonic()
        while until is None or not until(after):
            frames = self._page(run.id, after)
            now = time.monotonic()
            if frames:
                after, spoke = frames[-1].number, now
                yield frames
                if frames[-1].last:
                    return None
                continue
            if run.status.finished or now - looked >= ENDED_POLL:
                looked = now
                end = self._end(run, after)
                if end is not None:
                    yield from end
                    return None
            if now - spoke >= heartbeat:
                spoke = now
                yield ()
            time.sleep(POLL)
        return after

    def _page(self, run_id: str, after: int) -> Sequence[Frame]:
        try:
            return self._storage.events.read(run_id, after=after, limit=PAGE)
        except StorageError:
            return ()  # The database is away; the follower gets heartbeats, and continues when it is back.

    def _end(self, run: Run, after: int) -> Sequence[Sequence[Frame]] | None:
        """Return what is left for a follower that has seen all up to ``after``; ``None``: there is more to come."""
        try:
            now = self._storage.runs.get(run.id, owner=run.owner)
            left = self._storage.events.read(run.id, after=after, limit=PAGE)
        except StorageError:
            return None
        if now is None:
            gone = RunCancelled("the run was cancelled: it was deleted, or its session was")
            error = Error(gone.phrase, gone.message, gone.code, {"run_id": run.id})
            return [[FrameEncoder(run).encode(error, after + 1)]]
        if not now.status.finished:
            return None
        if left:
            return [left] if left[-1].last else None
        # A worker that dies, or loses the database, takes the events of its last moment with it. A follower
        # that was shown them must still get the run's end, though that event's number is not beyond what it has seen.
        lost = now.error is not None and (
            now.error.code == "STORAGE_ERROR" or now.error.details.get("cause") == "WORKER_LOST"
        )
        return [self._last(run.id)] if lost else []

    def _last(self, run_id: str) -> Sequence[Frame]:
        last: Sequence[Frame] = ()
        while frames := self._page(run_id, last[0].number if last else 0):
            last = frames[-1:]
        return last
