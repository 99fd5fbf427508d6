"""A thread that works beside the requests until it is stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable

STOP_SECONDS = 1.0
"""Seconds that :meth:`BackgroundThread.stop` waits. A database that does not answer must not hold up the end."""


class BackgroundThread:
    """Calls ``work`` in one daemon thread, which begins with the first :meth:`start`.

    ``work`` is given ``stopping`` and must return soon after it is set. What it raises ends the thread.

    >>> def look(stopping):
    ...     while not stopping.wait(10.0):
    ...         print("still here")
    >>> thread = BackgroundThread("looking", look)
    >>> thread.start()
    >>> thread.stop()
    """

    def __init__(self, name: str, work: Callable[[threading.Event], None]) -> None:
        self.stopping = threading.Event()
        self._name = name
        self._work = work
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread unless it was started before."""
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    thread = threading.Thread(target=self._work, args=(self.stopping,), name=self._name, daemon=True)
                    thread.start()
                    self._thread = thread

    def stop(self, timeout: float = STOP_SECONDS) -> None:
        """Stop the thread and wait until it has ended, at most ``timeout`` seconds.

        The wait is for what the thread uses: a connection that it still has is not closed with the others.
        """
        self.stopping.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)
