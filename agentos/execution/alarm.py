"""One thread that calls functions at their time; a thread a run, only to wait for its deadline, would be too many."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)


class Alarm:
    """Calls functions, which must be quick, once ``time.monotonic()`` has reached their time."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._cancelled: set[int] = set()
        self._count = itertools.count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def call_at(self, moment: float, function: Callable[[], None]) -> int:
        """Have ``function`` called at ``moment``; return a ticket for :meth:`cancel`."""
        with self._changed:
            ticket = next(self._count)
            heapq.heappush(self._due, (moment, ticket, function))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="alarm", daemon=True)
                self._thread.start()
            if self._due[0][1] == ticket:
                self._changed.notify()
            return ticket

    def cancel(self, ticket: int) -> None:
        """Do not call it any more. Entries are dropped once they make up half of the heap, or come up."""
        with self._changed:
            self._cancelled.add(ticket)
            if len(self._cancelled) * 2 > len(self._due):
                self._due = [entry for entry in self._due if entry[1] not in self._cancelled]
                heapq.heapify(self._due)
                self._cancelled.clear()

    def close(self) -> None:
        """End the thread; nothing is called any more."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._closed and (not self._due or self._due[0][0] > time.monotonic()):
                    self._changed.wait(self._due[0][0] - time.monotonic() if self._due else None)
                if self._closed:
                    return
                _, ticket, function = heapq.heappop(self._due)
                if ticket in self._cancelled:
                    self._cancelled.discard(ticket)
                    continue
            try:
                function()
            except Exception:
                logger.exception("an alarm failed")
