"""One thread that calls functions at their time. A thread or a timer for each waiting run would be too many."""

from __future__ import annotations

import heapq
import itertools
import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

FEW = 64  # Cancelled timers that may stay in the heap until their time. If there are more, most are removed early.

CLOSE_SECONDS = 1.0
"""Seconds that :meth:`TimerThread.close` waits for a function that is being called."""

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class TimerHandle:
    """A timer that can be cancelled."""

    function: Callable[[], object] | None

    def cancel(self) -> None:
        """Do not call the function, and release what it refers to. Never waits."""
        self.function = None


class TimerThread:
    """Calls functions, which must be quick, once ``time.monotonic()`` has reached their time.

    The thread starts with the first timer.
    """

    def __init__(self) -> None:
        self._due: list[tuple[float, int, TimerHandle]] = []
        self._limit = FEW
        self._count = itertools.count()
        self._changed = threading.Condition(threading.Lock())
        self._sleeping_until = 0.0
        self._thread: threading.Thread | None = None
        self._closed = False

    def call_at(self, moment: float, function: Callable[[], object]) -> TimerHandle:
        """Call ``function`` at ``moment``, unless the handle is cancelled before."""
        timer = TimerHandle(function)
        with self._changed:
            heapq.heappush(self._due, (moment, next(self._count), timer))
            if len(self._due) > self._limit:
                self._due = [entry for entry in self._due if entry[2].function is not None]
                heapq.heapify(self._due)
                self._limit = max(FEW, 2 * len(self._due))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="timers", daemon=True)
                self._thread.start()
            elif moment < self._sleeping_until:
                self._changed.notify()
        return timer

    def close(self) -> None:
        """End the thread, and wait a moment for its end. No function is called after this."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(CLOSE_SECONDS)

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._closed and (not self._due or self._due[0][0] > time.monotonic()):
                    self._sleeping_until = self._due[0][0] if self._due else math.inf
                    self._changed.wait(self._due[0][0] - time.monotonic() if self._due else None)
                self._sleeping_until = 0.0
                if self._closed:
                    return
                function = heapq.heappop(self._due)[2].function
            try:
                if function is not None:
                    function()
            except Exception:
                logger.exception("a timer failed")
            del function  # the next may be far away, and this one may hold a whole run


class IdleTimer:
    """Calls a function after so many seconds without a :meth:`reset`, and again after as many more.

    A reset only reads the clock, so it may happen for each token.
    """

    def __init__(self, timers: TimerThread, seconds: float, function: Callable[[], object]) -> None:
        self._timers = timers
        self._seconds = seconds
        self._function: Callable[[], object] | None = function
        self._ends = time.monotonic() + seconds
        self._timer = timers.call_at(self._ends, self._check)

    @property
    def expired(self) -> bool:
        """True once the time has passed without a reset."""
        return time.monotonic() >= self._ends

    def reset(self) -> None:
        """Begin anew."""
        self._ends = time.monotonic() + self._seconds

    def cancel(self) -> None:
        """Do not call the function any more, and release what it refers to. Never waits."""
        self._function = None
        self._timer.cancel()

    def _check(self) -> None:
        function = self._function
        if function is None:
            return
        now = time.monotonic()
        if self._ends <= now:
            function()
        self._timer = self._timers.call_at(self._ends if self._ends > now else now + self._seconds, self._check)
