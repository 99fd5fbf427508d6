"""How the time of some work grows with its size: a bound on seconds would say more of the machine than of the work."""

from __future__ import annotations

import time
from collections.abc import Callable

SMALL, LARGE = 2000, 16_000


def growth(work: Callable[[int], object]) -> float:
    """Return how many times longer eight times the size takes: 8 if the work is linear, 64 if it is quadratic."""
    return _seconds(work, LARGE) / _seconds(work, SMALL)


def _seconds(work: Callable[[int], object], size: int) -> float:
    times = []
    for _ in range(3):
        began = time.process_time()
        work(size)
        times.append(time.process_time() - began)
    return max(min(times), 1e-4)
