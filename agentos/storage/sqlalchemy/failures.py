"""The log of failures of the database: an outage fails each request, and must not fill the disk with its lines."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass

INTERVAL = 5.0
"""Seconds between two lines about failures of one kind."""


@dataclass(slots=True)
class _Kind:
    logged_at: float
    since: int = 0
    """Failures that have no line of their own, since the last line."""


class FailureLog:
    """Logs the first failure of a kind at once, then one line every few seconds with the count of those between.

    After an outage, the first success is logged too.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self.failing = False
        """Whether there was an outage, and no success since. Read after each use of the database, without the lock."""
        self._logger = logger
        self._kinds: dict[str, _Kind] = {}
        self._lock = threading.Lock()
        self._began = 0.0
        self._failures = 0

    def failed(self, kind: str, cause: str, *, outage: bool) -> None:
        """Count a failure, and log it unless one of its kind was logged shortly before."""
        now = time.monotonic()
        with self._lock:
            if outage:
                if not self.failing:
                    self._began, self._failures = now, 0
                self.failing = True
                self._failures += 1
            known = self._kinds.get(kind)
            if known is not None and now - known.logged_at < INTERVAL:
                known.since += 1
                return
            since = known.since if known is not None else 0
            self._kinds[kind] = _Kind(now)
        if since:
            self._logger.error("the database failed: %s", cause, extra={"more_failures": since})
        else:
            self._logger.error("the database failed: %s", cause)

    def works(self) -> None:
        """Log that an outage is over."""
        with self._lock:
            if not self.failing:
                return
            self.failing = False
            failures, seconds = self._failures, round(time.monotonic() - self._began, 1)
            self._kinds.clear()
        self._logger.warning("the database works again", extra={"failures": failures, "seconds": seconds})
