"""Deletes much in transactions that are short, one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

BATCH = 100
"""Things (runs, keys, sessions) that are deleted in one transaction at the most."""

TRANSACTION = 0.05
"""Seconds that one transaction should take: SQLite lets no other thread or process write during it."""

PAUSE = 0.01
"""Seconds between two transactions, for others that wait for the database."""


class BatchSize:
    """How many things to delete in one transaction. A session has one message or thousands: so it goes by the time.

    It begins small, at most doubles each time, and ends at 1 where a single one takes longer than it should.
    """

    def __init__(self) -> None:
        self._size = BATCH / 10

    @contextmanager
    def timed(self) -> Iterator[int]:
        """Yield how many to delete, and learn from the time that it takes."""
        began = time.perf_counter()
        yield int(self._size)
        share = TRANSACTION / max(time.perf_counter() - began, 1e-6)
        self._size = min(max(self._size * min(share, 2), 1), BATCH)


def delete_all(delete: Callable[..., int], wait: Callable[[float], object] = time.sleep) -> int:
    """Call ``delete(limit=…)`` until nothing is left; return how many were deleted.

    ``wait`` is called with the pause after each transaction, and ends the work if it returns true.
    """
    deleted, batch = 0, BatchSize()
    while True:
        with batch.timed() as limit:
            some = delete(limit=limit)
        deleted += some
        if not some or wait(PAUSE):
            return deleted
