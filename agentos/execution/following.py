"""Follows a run from any worker: from memory where it executes, else from the log."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence

from agentos.domain.event import Error, Frame
from agentos.domain.run import Run
from agentos.errors import EventsExpired, RunCancelled, RunNotFound, StorageError
from agentos.events.encoder import FrameEncoder
from agentos.events.stream import Deliver
from agentos.execution.live import LiveRun
from agentos.execution.runner import Runner
from agentos.storage.interface import Storage

PAGE = 1000
"""Frames that are read from the log at once."""

POLL = 0.1
"""Seconds between two looks into the log of a run that executes elsewhere; its worker writes ten times a second."""

ENDED_POLL = 1.0
"""Seconds between two looks whether such a run is still there, while its log is silent."""


class Follower:
    """Reads the events of any run, each once and in order, from any place on."""

    def __init__(self, storage: Storage, runner: Runner) -> None:
        self._storage = storage
        self._runner = runner

    def follow(
        self,
        run_id: str,
        *,
        owner: str | None,
        after: int = 0,
        heartbeat: float,
        deliver: Deliver | None = None,
    ) -> Iterator[Sequence[Frame]]:
        """Return the frames after number ``after``, those that are there together, until the last one.

        After ``heartbeat`` seconds without a frame an empty batch comes. ``deliver`` may be used in place of a batch
        (see :meth:`agentos.events.stream.EventStream.follow`). Raises, before it returns,
        :class:`~agentos.errors.RunNotFound`, also for a run that is not ``owner``'s (``None``: anybody's), or
        :class:`~agentos.errors.EventsExpired` for one that ended so long ago that its events are gone.
        """
        live = self._live(run_id, owner)
        if live is not None:
            return self.follow_live(live, after=after, heartbeat=heartbeat, deliver=deliver)
        run = self._storage.runs.get(run_id, owner=owner)
        if run is None:
            raise RunNotFound(run_id)
        if run.status.finished and not self._storage.events.read(run_id, limit=1):
            raise EventsExpired(f"the events of run {run_id!r} are not kept any more; GET the run for how it ended")
        return self._read(run, after, heartbeat)

    def wait(self, run_id: str, timeout: float, *, owner: str | None) -> Run | None:
        """Wait for a run's end and return it as it is saved, or as its client has to be told; ``None``: not in time.

        Raises :class:`~agentos.errors.RunNotFound`, also for one that is deleted meanwhile.
        """
        live = self._live(run_id, owner)
        return self._poll(run_id, timeout, owner) if live is None else self.wait_live(live, timeout)

    def follow_live(
        self, live: LiveRun, *, after: int = 0, heartbeat: float, deliver: Deliver | None = None
    ) -> Iterator[Sequence[Frame]]:
        """Yield the frames of a run of this worker, as :meth:`follow` does."""
        stream = live.stream
        while True:
            after = yield from stream.follow(after, heartbeat=heartbeat, deliver=deliver)
            if not stream.holds(after):  # a slow reader, or a late one
                caught_up = yield from self._read(live.run, after, heartbeat, until=stream.holds)
                if caught_up is None:
                    return
                after = caught_up
            elif stream.handed_over and stream.last is None:
                yield from self._read(live.run, after, heartbeat)
                return
            else:
                return

    def wait_live(self, live: LiveRun, timeout: float) -> Run | None:
        """Wait for the end of a run of this worker, as :meth:`wait` does."""
        deadline = time.monotonic() + timeout
        if live.stream.wait(timeout) is not None:
            return live.run
        return self._poll(live.run.id, deadline - time.monotonic(), live.run.owner) if live.stream.handed_over else None

    def _live(self, run_id: str, owner: str | None) -> LiveRun | None:
        live = self._runner.get(run_id)
        return live if live is not None and owner in (None, live.run.owner) else None

    def _poll(self, run_id: str, timeout: float, owner: str | None) -> Run | None:
        deadline = time.monotonic() + timeout
        while True:
            run = self._storage.runs.get(run_id, owner=owner)
            if run is None:
                raise RunNotFound(run_id)
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
            return ()  # The database is away; who follows is told that we are alive, and goes on when it is back.

    def _end(self, run: Run, after: int) -> Sequence[Sequence[Frame]] | None:
        """Return what is left for somebody who has seen all up to ``after``; ``None``: there is more to come."""
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
        # A worker that dies, or loses the database, takes the events of its last moment with it. Whoever was told of
        # them still has to hear how the run ended, though that event's number is not beyond what they have seen.
        lost = now.error is not None and (
            now.error.code == "STORAGE_ERROR" or now.error.details.get("cause") == "WORKER_LOST"
        )
        return [self._last(run.id)] if lost else []

    def _last(self, run_id: str) -> Sequence[Frame]:
        last: Sequence[Frame] = ()
        while frames := self._page(run_id, last[0].number if last else 0):
            last = frames[-1:]
        return last
