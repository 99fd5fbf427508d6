"""Warns of what took longer than a setting says: requests, tool calls, statements. Logger ``agentos.slow``."""

from __future__ import annotations

import logging
import math
from typing import Any

from agentos.observability.repeated import RepeatedLines

logger = logging.getLogger("agentos.slow")


class SlowLog:
    """Logs what took longer than ``threshold`` seconds. Those of one kind are counted, not repeated.

    With a threshold of 0, nothing is slow.
    """

    def __init__(self, what: str, threshold: float) -> None:
        self._message = f"slow {what}"
        self.threshold = threshold or math.inf
        """Seconds; compare with it before making the fields of a line."""
        self._lines = RepeatedLines(logger)

    def note(self, seconds: float, kind: str, **fields: Any) -> None:
        """Log what took so many seconds, if that is too long; ``kind`` is what it has in common with its like."""
        if not seconds > self.threshold:  # other people's agents may say that it took no number of seconds
            return
        extra = {name: value for name, value in fields.items() if value is not None}
        extra |= {"duration": round(seconds, 6), "threshold": self.threshold}
        self._lines.warning(self._message, kind=kind, extra=extra)
