"""Values of labels that clients can choose, bounded: each value is a series that Prometheus keeps for weeks."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from agentos_metrics.locks import locked

OTHER = "other"

logger = logging.getLogger(__name__)


class BoundedLabel:
    """The first ``limit`` values, for all workers together; each further one is :data:`OTHER`.

    ``always`` are values that need no place: the agents of code, which no client can crowd out.
    """

    def __init__(self, limit: int, *, always: Iterable[str] = (), folder: Path | None = None, name: str = "") -> None:
        self._limit = limit
        self._known = set(always)
        self._taken: set[str] = set()
        self._folder = folder
        self._name = f"{name}.labels"
        self._full = limit == 0
        self._warned = False

    def __call__(self, value: str) -> str:
        """Return the value as the label has it."""
        if value in self._known:
            return value
        try:
            return OTHER if self._full else self._learn(value)
        except (OSError, ValueError) as error:  # the list of all workers cannot be read or written
            if not self._warned:
                extra = {"file": self._name, "reason": str(error)}
                logger.warning(
                    "a list of labels cannot be used; what is not in it yet is counted as 'other'", extra=extra
                )
            self._warned = True
            return OTHER

    def _learn(self, value: str) -> str:
        if self._folder is None:
            self._take(value)
        else:
            with locked(self._folder):
                file = os.open(self._folder / self._name, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
                with os.fdopen(file, "r+", encoding="ascii") as lines:
                    self._learn_from(lines, value)
            self._known |= self._taken
        self._full = len(self._taken) >= self._limit
        return value if value in self._known else OTHER

    def _learn_from(self, lines: TextIO, value: str) -> None:
        """Read what all workers took, and add the value if there is room."""
        lines.seek(0)
        text = lines.read()
        whole = text[: text.rfind("\n") + 1]
        if whole != text:  # the disk was full: half of a line is there
            lines.truncate(len(whole))
        self._taken = set(map(json.loads, whole.splitlines()))
        if self._has_room(value):
            lines.write(json.dumps(value) + "\n")
            lines.flush()  # What cannot be written is not taken.
            self._take(value)

    def _has_room(self, value: str) -> bool:
        return value not in self._taken and len(self._taken) < self._limit

    def _take(self, value: str) -> None:
        if self._has_room(value):
            self._taken.add(value)
            self._known.add(value)
