"""Lines of the log that an outage would repeat many times a second: one of each kind every few seconds."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

INTERVAL = 5.0  # seconds between two lines of one kind

MOST_KINDS = 1000
"""Kinds that are remembered; when there are more, the one that was logged first is forgotten."""


class RepeatedLines:
    """Logs the first line of a kind at once, then one every few seconds.

    Its field ``repeated`` is the number of lines that were left out since the line before.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._lock = threading.Lock()
        self._kinds: dict[str, tuple[float, int]] = {}  # when the last line was logged, how many were left out since

    def log(self, level: int, message: str, *arguments: object, kind: str | None = None, **options: Any) -> None:
        """Log a line as loggers do, or count it; ``kind`` is the message unless it is given."""
        kind = kind or message
        now = time.monotonic()
        with self._lock:
            logged_at, left_out = self._kinds.get(kind, (-INTERVAL, 0))
            if now - logged_at < INTERVAL:
                self._kinds[kind] = (logged_at, left_out + 1)
                return
            self._kinds.pop(kind, None)  # so that the kinds stand in the order of their last lines
            self._kinds[kind] = (now, 0)
            if len(self._kinds) > MOST_KINDS:
                del self._kinds[next(iter(self._kinds))]
        if left_out:
            options["extra"] = {**(options.get("extra") or {}), "repeated": left_out}
        self._logger.log(level, message, *arguments, stacklevel=2, **options)

    def warning(self, message: str, *arguments: object, **options: Any) -> None:
        """Log a warning."""
        self.log(logging.WARNING, message, *arguments, **options)

    def forget(self) -> None:
        """Let the next line of each kind be logged at once."""
        with self._lock:
            self._kinds.clear()
