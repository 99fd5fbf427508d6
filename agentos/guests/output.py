"""What guests write (standard output, standard error, logging) as lines of the server's log."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from agentos.domain.text import clean, shorten
from agentos.observability.content import UntrustedText

LINES = 1000
"""Lines of one process, or of one run, that the log takes in a minute; the others are counted."""

LONGEST = 4000
"""Characters of one line."""

LONGEST_TRACEBACK = 16_000

_MINUTE = 60.0
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

logger = logging.getLogger("agentos.guests.output")


def traceback_of(said: Mapping[str, Any]) -> UntrustedText:
    """Return the traceback of a line or of a frame: without content, the log shows the places in the code."""
    whole, places = (shorten(clean(str(said.get(of) or "")), LONGEST_TRACEBACK) for of in ("traceback", "places"))
    return UntrustedText(whole, places)


class GuestOutput:
    """Logs what one process, or one run, writes. Not for several threads at once."""

    def __init__(self, guest: str, number: int) -> None:
        self._fields = {"guest": guest, "number": number}
        self._begun = 0.0
        self._left = 0
        self._dropped = 0

    def log(self, frame: Mapping[str, Any], about: Mapping[str, Any]) -> None:
        """Log the lines of a ``log`` frame; ``about`` says of which run or process they are."""
        now = time.monotonic()
        if now - self._begun >= _MINUTE:
            self._begun, self._left = now, LINES
        lines, dropped = frame.get("lines"), frame.get("dropped")
        if isinstance(dropped, int):
            self._dropped += max(0, dropped)
        for line in lines if isinstance(lines, list) else ():
            if not isinstance(line, dict):
                continue
            if self._left <= 0:
                self._dropped += 1
                continue
            self._left -= 1
            self._log(line, about)
        if self._dropped and self._left > 0:
            self._left -= 1
            logger.warning("lines of a guest were left out", extra={**self._fields, **about, "dropped": self._dropped})
            self._dropped = 0

    def _log(self, line: Mapping[str, Any], about: Mapping[str, Any]) -> None:
        text = shorten(clean(str(line.get("text", ""))), LONGEST)
        extra: dict[str, Any] = {**self._fields, **about, "text": text}
        extra["guest_logger"] = str(line.get("logger", ""))[:100]
        if isinstance(line.get("traceback"), str):
            extra |= {"error": str(line.get("error", ""))[:100], "traceback": traceback_of(line)}
        logger.log(_LEVELS.get(str(line.get("level")), logging.INFO), "a guest wrote", extra=extra)
