"""A lock whose waiters get it in the order in which they asked, and between which the event loop has a turn."""

from __future__ import annotations

import threading
import time
from collections import deque
from types import TracebackType
from typing import ClassVar

LOOP_TURN = 1e-6
"""Seconds to sleep for one turn of a cooperative worker's event loop: 7 µs if nothing else is due. ``sleep(0)`` would
not look at sockets and timers. A tenth of a millisecond would take a whole one, which is the unit of ``epoll``."""

SPELL = 0.02
"""Seconds after which the loop should have a turn. At 5 ms so many wait meanwhile that a run costs a tenth more."""


class FairLock:
    """A lock that does not let a queue of waiters, or of those that never had to wait, hold up the worker.

    gevent's own lock wakes its waiters one after the other in one go, if each releases it before it waits again; and
    all threads whose ``sleep`` has ended are resumed in one go. Three hundred runs that ended together kept every
    socket waiting for 1.5 s. Here each waiter is woken by itself. The thread that gets the lock, after a wait or not,
    first lets the loop have a turn if the last one that any of these locks gave was ``SPELL`` ago.

    Held for nothing (:meth:`pass_through`), it spreads pieces of work over the loop's turns: ``SPELL`` in each.
    """

    _turned: ClassVar[float] = 0.0  # when one of these locks last let the loop have its turn

    def __init__(self) -> None:
        self._guard = threading.Lock()  # held for a few instructions, never while waiting
        self._held = False
        self._waiting: deque[threading.Lock] = deque()
        self.moved = 0.0
        """``time.monotonic()`` of the last release by a holder that had got on with its work."""

    def acquire(self, timeout: float | None = None) -> bool:
        """Take the lock; return False once nothing has moved for ``timeout`` seconds.

        A queue that is long but moves is no reason to give up.
        """
        start = time.monotonic()
        turn: threading.Lock | None = None
        with self._guard:
            if self._held:
                turn = threading.Lock()
                turn.acquire()
                self._waiting.append(turn)
            self._held = True
        try:
            if turn is not None and not self._wait(turn, start, timeout) and self._leave(turn):
                return False
            if time.monotonic() - FairLock._turned < SPELL:
                return True
            time.sleep(LOOP_TURN)
        except BaseException:  # the greenlet was killed
            if turn is None or not self._leave(turn):
                self.release()
            raise
        FairLock._turned = time.monotonic()
        return True

    def release(self, *, moved: bool = True) -> None:
        """Pass the lock to the waiter that has waited longest, if there is one.

        ``moved`` is False where the holder could not do its work: the others need not wait as long for the same.
        """
        if moved:
            self.moved = time.monotonic()
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._held = False

    def pass_through(self) -> None:
        """Wait for a turn: those that came before have begun their pieces of work, and the loop has had its own."""
        self.acquire()
        self.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def _wait(self, turn: threading.Lock, start: float, timeout: float | None) -> bool:
        """Wait for the lock to be passed on to this waiter; False once nothing has moved for so long."""
        if timeout is None:
            return turn.acquire()
        while (left := max(start, self.moved) + timeout - time.monotonic()) > 0:
            if turn.acquire(timeout=left):
                return True
        return turn.acquire(blocking=False)

    def _leave(self, turn: threading.Lock) -> bool:
        """Wait no longer; False if the lock has been passed to this waiter already."""
        with self._guard:
            waited = turn in self._waiting
            if waited:
                self._waiting.remove(turn)
            return waited
