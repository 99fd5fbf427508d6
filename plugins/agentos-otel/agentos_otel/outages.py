"""Says that a collector cannot be reached, once, and how much was dropped until it can be again."""

from __future__ import annotations

import logging
import threading

SILENT = 200
"""Characters of a reason: what a collector answers is not ours."""

logger = logging.getLogger("agentos_otel")


class LastWords(logging.Filter):
    """Takes the SDK's own lines about a failure, one for each try, out of the log, and remembers the last."""

    def __init__(self) -> None:
        super().__init__()
        self.last = ""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep a line, and let none through."""
        self.last = record.getMessage()[:SILENT]
        return False


class Outages:
    """The state of one signal: its outage begins with what is dropped, and ends with what is sent.

    ``what`` is what it sends: ``spans``. ``loggers`` are those of the SDK that speak of it.
    """

    def __init__(self, what: str, *loggers: str) -> None:
        self.total = 0
        """How many were dropped in all."""
        self._what = what
        self._lock = threading.Lock()
        self._begun = False
        self._dropped = 0
        self._words = LastWords()
        for name in loggers:
            logging.getLogger(name).addFilter(self._words)

    def says(self, reason: str) -> None:
        """Note why what is sent now fails."""
        self._words.last = reason

    def dropped(self, count: int, reason: str | None = None) -> None:
        """Count what was dropped; the first of an outage is in the log."""
        with self._lock:
            self.total += count
            self._dropped += count
            first, self._begun = not self._begun, True
        if first:
            reason = reason or self._words.last or "unknown"
            logger.warning("%s cannot be sent and are dropped until they can", self._what, extra={"reason": reason})

    def over(self) -> None:
        """Note that something was sent."""
        if not self._begun:
            return
        with self._lock:
            self._begun, dropped, self._dropped = False, self._dropped, 0
        logger.info("%s are sent again", self._what, extra={"dropped": dropped, "dropped_in_all": self.total})
