"""Counts how many are at something at once."""

from __future__ import annotations

import threading


class Tally:
    """Counts those that are inside its block. Can be entered by many threads at once.

    >>> readers = Tally()
    >>> with readers:
    ...     readers.now
    1
    """

    def __init__(self) -> None:
        self.now = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self.now += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.now -= 1
