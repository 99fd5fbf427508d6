"""The runs that are under way in one worker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from agentos.errors import AgentOSError
from agentos.execution.finalizer import SAVE_PAUSES
from agentos.execution.live import LiveRun

ABANDON_AFTER = 0.5
"""Seconds that a run which has to stop is waited for; after that its thread is left alone and its words are dropped."""

End = Callable[[LiveRun, AgentOSError], None]


class LiveRuns:
    """Runs by their ids, from their beginning here until their end was told to observers."""

    def __init__(self) -> None:
        self._runs: dict[str, LiveRun] = {}
        self._claims: list[str] = []
        self._idle = threading.Condition(threading.Lock())

    def __iter__(self) -> Iterator[LiveRun]:
        return iter(list(self._runs.values()))

    def __bool__(self) -> bool:
        return bool(self._runs)

    def get(self, run_id: str) -> LiveRun | None:
        """Return a run that is under way in this worker."""
        return self._runs.get(run_id)

    def __contains__(self, run_id: str) -> bool:
        """Return whether a run is under way here, or being claimed."""
        return run_id in self._claims or run_id in self._runs

    @contextmanager
    def claiming(self, run_id: str) -> Iterator[None]:
        """Count a run while it is accepted or claimed, which takes its time: a worker that drains must not miss it."""
        with self._idle:
            self._claims.append(run_id)
        try:
            yield
        finally:
            with self._idle:
                self._claims.remove(run_id)
                self._idle.notify_all()

    def add(self, live: LiveRun) -> None:
        """Take in a run. It takes the place of one that paused and was resumed before its observers returned."""
        with self._idle:
            self._runs[live.run.id] = live

    def remove(self, live: LiveRun) -> None:
        """Remove a run that has ended or paused."""
        with self._idle:
            if self._runs.get(live.run.id) is live:
                del self._runs[live.run.id]
            if not self._runs:
                self._idle.notify_all()

    def wait_idle(self, timeout: float) -> None:
        """Wait until there is no run any more, and none being claimed, at most so many seconds."""
        with self._idle:
            self._idle.wait_for(lambda: not (self._runs or self._claims), timeout)

    def end_all(self, end: End, cause: AgentOSError) -> None:
        """Stop all runs; ``end`` ends those that do not return in a moment."""
        for live in self:
            live.cancellation.cancel(cause)
        self.wait_idle(ABANDON_AFTER)
        # A save that has to wait must not take the time of the others.
        side_by_side(end, list(self), cause, timeout=sum(SAVE_PAUSES))


def side_by_side(function: End, found: Sequence[LiveRun], cause: AgentOSError, *, timeout: float | None = None) -> None:
    """Call a function for each of some runs in a thread of its own, and wait at most ``timeout`` seconds for each."""
    threads = [threading.Thread(target=function, args=(live, cause), daemon=True) for live in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout)
