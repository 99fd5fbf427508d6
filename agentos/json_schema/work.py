"""Bounds what one check may compute, and lets the other runs of the worker have their turn meanwhile."""

from __future__ import annotations

import time

MOST = 500_000
"""Units of work of one check. One is a keyword of a schema on one value, or a few characters of a pattern."""

PATTERN = 300  # units that making the automaton of a pattern counts

SLICE = 0.004
"""Seconds of computing after which the others have their turn: a worker serves all its streams in one thread."""

_LOOK = 256  # units between two looks at the clock


class TooMuchWork(Exception):
    """The check was ended because it takes too long."""


class Work:
    """Counts the work of one check. Not for several threads at once."""

    __slots__ = ("_left", "_look", "_since")

    def __init__(self, most: int = MOST) -> None:
        self._left = most
        self._look = most - _LOOK
        self._since = time.monotonic()

    def spend(self, units: int = 1) -> None:
        """Count some units; raise :class:`TooMuchWork` when there were too many."""
        self._left -= units
        if self._left < self._look:
            self._pause()

    def _pause(self) -> None:
        if self._left < 0:
            raise TooMuchWork
        self._look = self._left - _LOOK
        if time.monotonic() - self._since > SLICE:
            # Not 0: gevent runs what sleeps for 0 again up to a thousand times before it looks at sockets and timers.
            time.sleep(1e-6)
            self._since = time.monotonic()
