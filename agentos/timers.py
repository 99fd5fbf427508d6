"""One thread a worker that calls functions at their time; a thread or timer for each who waits would be too many."""

from __future__ import annotations

import heapq
import itertools
import logging
import math
import threading
import time
from collections.abc import Callable

FEW = 64
"""Cancelled calls that may lie around until they come up; of more, most are dropped early."""

logger = logging.getLogger(__name__)


class Call:
    """A call that is to come."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[[], object]) -> None:
        self.function: Callable[[], object] | None = function

    def make(self) -> None:
        """Call the function, if it is still wanted."""
        function = self.function
        if function is not None:
            function()

    def cancel(self) -> None:
        """Do not make it any more, and let go of what it would have needed. Never waits for anything."""
        self.function = None


class Alarm:
    """Calls functions, which must be quick, once ``time.monotonic()`` has reached their time."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Call]] = []
        self._many = FEW
        self._count = itertools.count()
        self._changed = threading.Condition(threading.Lock())
        self._sleeping_until = 0.0
        self._thread: threading.Thread | None = None
        self._closed = False

    def call_at(self, moment: float, function: Callable[[], object]) -> Call:
        """Have ``function`` called at ``moment``, unless the call that is returned is cancelled before."""
        call = Call(function)
        with self._changed:
            heapq.heappush(self._due, (moment, next(self._count), call))
            if len(self._due) > self._many:
                self._due = [entry for entry in self._due if entry[2].function is not None]
                heapq.heapify(self._due)
                self._many = max(FEW, 2 * len(self._due))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="alarm", daemon=True)
                self._thread.start()
            elif moment < self._sleeping_until:
                self._changed.notify()
        return call

    def close(self) -> None:
        """End the thread; nothing is called any more."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._closed and (not self._due or self._due[0][0] > time.monotonic()):
                    self._sleeping_until = self._due[0][0] if self._due else math.inf
                    self._changed.wait(self._due[0][0] - time.monotonic() if self._due else None)
                self._sleeping_until = 0.0
                if self._closed:
                    return
                call = heapq.heappop(self._due)[2]
            try:
                call.make()
            except Exception:
                logger.exception("an alarm failed")
            del call  # the next may be far away, and this one may hold a whole run


class Silence:
    """Calls a function after so many seconds in which it was not broken, and again after as many more.

    Breaking it costs no more than a look at the clock, however often it happens.
    """

    def __init__(self, alarm: Alarm, seconds: float, function: Callable[[], object]) -> None:
        self._alarm = alarm
        self._seconds = seconds
        self._function: Callable[[], object] | None = function
        self._ends = time.monotonic() + seconds
        self._call = alarm.call_at(self._ends, self._look)

    @property
    def over(self) -> bool:
        """True once it has lasted so long."""
        return time.monotonic() >= self._ends

    def broken(self) -> None:
        """Begin anew."""
        self._ends = time.monotonic() + self._seconds

    def cancel(self) -> None:
        """Do not call the function any more, and let go of it. Never waits for anything."""
        self._function = None
        self._call.cancel()

    def _look(self) -> None:
        function = self._function
        if function is None:
            return
        now = time.monotonic()
        if self._ends <= now:
            function()
        self._call = self._alarm.call_at(self._ends if self._ends > now else now + self._seconds, self._look)
