"""A lock that wakes its waiters one by one, in the order in which they asked, with turns of the event loop between."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import ClassVar

LOOP_TURN = 1e-6
"""Seconds to sleep for one turn of a cooperative worker's event loop: 7 µs if nothing else is due. ``sleep(0)`` would
not look at sockets and timers. A tenth of a millisecond would take a whole one, which is the unit of ``epoll``."""

SPELL = 0.02
"""Seconds after which the loop should have a turn. At 5 ms so many wait meanwhile that a run costs a tenth more."""


class FairLock:
    """A lock that does not let a queue of waiters, or of threads that never had to wait, hold up the worker.

    gevent's own lock wakes its waiters one after the other in one go, if each releases it before it waits again; and
    all threads that finished a ``sleep`` are resumed in one go. Three hundred runs that ended together kept every
    socket waiting for 1.5 s. Here each waiter is woken by itself. A thread that has taken the lock first lets the loop
    have a turn if the last one that any of these locks gave was ``SPELL`` ago.

    The thread that releases the lock may take it again before the waiter that it woke, which then waits on at the head
    of the queue. To hand the lock over instead would keep a queue alive for as long as there is work: each piece would
    wait for a turn of the loop, at a cost of some 30 µs.

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
        wakeup = self._take_or_wait(None)
        while wakeup is not None:
            try:
                woken = self._wait(wakeup, start, timeout)
            except BaseException:  # the greenlet was killed
                self._leave(wakeup)
                raise
            if not woken:
                self._leave(wakeup)
                return False
            wakeup = self._take_or_wait(wakeup)
        if time.monotonic() - FairLock._turned >= SPELL:
            self._let_loop_turn()
        return True

    def release(self, *, moved: bool = True) -> None:
        """Free the lock and wake the waiter that has waited longest, if there is one.

        ``moved`` is False where the holder could not do its work: the others need not wait as long for the same.
        """
        if moved:
            self.moved = time.monotonic()
        with self._guard:
            self._held = False
            if self._waiting:
                self._waiting.popleft().release()

    def pass_through(self) -> None:
        """Wait for a turn: the pieces of work that came before have begun, and the loop has had its own."""
        self.acquire()
        self.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def _take_or_wait(self, woken: threading.Lock | None) -> threading.Lock | None:
        """Take the lock and return ``None``, or stand in the queue and return what to wait in.

        A waiter that was ``woken`` and finds the lock taken again stands at the head of the queue, not at its end.
        """
        with self._guard:
            if not self._held:
                self._held = True
                return None
            wakeup = woken or threading.Lock()
            if woken is None:
                wakeup.acquire()
                self._waiting.append(wakeup)
            else:
                self._waiting.appendleft(wakeup)
            return wakeup

    def _wait(self, wakeup: threading.Lock, start: float, timeout: float | None) -> bool:
        """Wait until a release wakes this waiter; False once nothing has moved for so long."""
        if timeout is None:
            return wakeup.acquire()
        while (left := max(start, self.moved) + timeout - time.monotonic()) > 0:
            if wakeup.acquire(timeout=left):
                return True
        return wakeup.acquire(blocking=False)

    def _leave(self, wakeup: threading.Lock) -> None:
        """Wait no longer. One that was woken meanwhile wakes the next in its place."""
        with self._guard:
            if wakeup in self._waiting:
                self._waiting.remove(wakeup)
            elif not self._held and self._waiting:
                self._waiting.popleft().release()

    def _let_loop_turn(self) -> None:
        """Let the event loop have a turn, with the lock held: the others that are resumed in the same go must wait."""
        try:
            time.sleep(LOOP_TURN)
        except BaseException:  # the greenlet was killed
            self.release()
            raise
        FairLock._turned = time.monotonic()
