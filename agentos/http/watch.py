"""One look over all calls now and then, in place of a timer for each thing that a call waits for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from agentos.http.deadline import Pace

EVERY = 0.05
"""Seconds between two looks, and so the most that a wait may take too long."""
IDLE_LOOKS = 20
"""The thread ends after so many looks with nothing to see; the next call starts another."""


class Watch:
    """Cuts calls whose wait has taken too long. There is a thread only while there are calls, and a little longer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cuts: dict[Pace, Callable[[], None]] = {}
        self._thread: threading.Thread | None = None

    @contextmanager
    def over(self, pace: Pace, cut: Callable[[], None]) -> Iterator[None]:
        """While the block runs, set ``pace.over`` and call ``cut``, which must be quick, once a wait is overdue."""
        with self._lock:
            self._cuts[pace] = cut
            # A fork leaves threads behind.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="model-watch", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            # Cuts are made with the lock held, so that none comes after this.
            with self._lock:
                del self._cuts[pace]

    def _work(self) -> None:
        idle = 0
        while True:
            time.sleep(EVERY)
            with self._lock:
                idle = 0 if self._cuts else idle + 1
                if idle >= IDLE_LOOKS:
                    self._thread = None
                    return
                now = time.monotonic()
                for pace, cut in self._cuts.items():
                    if pace.due <= now and not pace.over:
                        pace.over = True
                        cut()
