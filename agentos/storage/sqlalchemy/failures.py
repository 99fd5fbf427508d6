"""The log of failures of the database: an outage fails each request, and must not fill the disk with its lines."""

from __future__ import annotations

import logging
import threading
import time
from functools import cache

from agentos.observability.repeated import RepeatedLines


class FailureLog:
    """Logs failures of one database, few of each kind, and the first success after an outage."""

    def __init__(self, logger: logging.Logger) -> None:
        self.failing = False
        """Whether there was an outage, and no success since. Read after each use of the database, without the lock."""
        self._logger = logger
        self._lines = RepeatedLines(logger)
        self._lock = threading.Lock()
        self._began = 0.0
        self._failures = 0

    def failed(self, kind: str, cause: str, *, outage: bool) -> None:
        """Count a failure and log it, unless one of its kind was logged shortly before."""
        if outage:
            with self._lock:
                if not self.failing:
                    self._began, self._failures = time.monotonic(), 0
                self.failing = True
                self._failures += 1
        self._lines.log(logging.ERROR, "the database failed: %s", cause, kind=kind)

    def works(self) -> None:
        """Log that an outage is over."""
        with self._lock:
            if not self.failing:
                return
            self.failing = False
            fields = {"failures": self._failures, "seconds": round(time.monotonic() - self._began, 1)}
        self._lines.forget()
        self._logger.warning("the database works again", extra=fields)


@cache
def failures_of(name: str, logger: logging.Logger) -> FailureLog:  # noqa: ARG001 - the key of the cache
    """Return the log of a database; a worker that waits for it opens it again and again."""
    return FailureLog(logger)
