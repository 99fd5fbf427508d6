"""Lines that the log has for each request and each run, made at a quarter of the usual cost.

``Logger.info`` finds out which line of code calls it, and in which thread. No line of ours shows that, and these two
are written for every run.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from typing import Any

UNUSED = dict(logging.LogRecord("", 0, "(event)", 0, "", None, None).__dict__)
"""What a record has besides: other programs' formatters may name any of it."""
BEGAN: float = UNUSED["created"]


class EventRecord(logging.LogRecord):
    """A record of a message with fields. It does not know where in the code, or in which thread, it was made."""

    def __init__(self, name: str, level: int, message: str, fields: Mapping[str, Any]) -> None:
        now = time.time()
        attributes = self.__dict__
        attributes.update(UNUSED)
        attributes.update(fields)
        attributes["name"] = name
        attributes["msg"] = message
        attributes["levelno"] = level
        attributes["levelname"] = logging.getLevelName(level)
        attributes["process"] = os.getpid()
        attributes["created"] = now
        attributes["msecs"] = int(now % 1 * 1000) + 0.0
        attributes["relativeCreated"] = (now - BEGAN) * 1000


class EventLogger:
    """Logs messages with fields, as the logger of that name does with ``extra``."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def info(self, message: str, *, extra: Mapping[str, Any]) -> None:
        """Log at the level ``info``."""
        self.log(logging.INFO, message, extra=extra)

    def log(self, level: int, message: str, *, extra: Mapping[str, Any]) -> None:
        """Log at a level."""
        logger = self._logger
        if logger.isEnabledFor(level):
            logger.handle(EventRecord(logger.name, level, message, extra))
