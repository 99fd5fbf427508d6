"""Reads what all workers counted, those that have ended too."""

from __future__ import annotations

import logging
import os
import threading
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agentos_metrics.locks import locked, try_lock
from agentos_metrics.worker_numbers import HEADER, Series

MOST = 1000
"""Places that are read: those with the lowest numbers. There are as many as there were workers at once."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reading:
    """The numbers of one place; ``live`` is False if no worker has it now."""

    live: bool
    numbers: Sequence[tuple[Series, Sequence[float]]]


@dataclass(slots=True)
class _Names:
    """The series of one place, as far as they have been read: a file of names only grows."""

    header: bytes = b""
    end: int = 0
    series: list[Series] = field(default_factory=list)


class Places:
    """The places in a folder. What is broken is left out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._names: dict[Path, _Names] = {}
        self._lock = threading.Lock()
        self._warned = False

    def read(self) -> list[Reading]:
        """Return the numbers of all places. Raises ``OSError`` if there is no folder."""
        with self._lock, locked(self.folder):  # else a worker that begins could find a place taken that is looked at
            files = sorted(self.folder.glob("*.values"), key=lambda file: (len(file.name), file.name))
            if len(files) > MOST and not self._warned:
                self._warned = True
                extra = {"directory": str(self.folder), "files": len(files), "read": MOST}
                logger.warning("most files of metrics are left out: there are too many", extra=extra)
            return [reading for file in files[:MOST] if (reading := self._read(file)) is not None]

    def _read(self, file: Path) -> Reading | None:
        try:
            descriptor = os.open(file, os.O_RDWR | os.O_NOFOLLOW)
        except OSError:
            return None
        try:
            live = not try_lock(descriptor)
            series = self._read_names(file.with_suffix(".names"))
            values = array("d")
            values.frombytes(os.pread(descriptor, sum(one.width for one in series) * values.itemsize, 0))
        except (OSError, ValueError):
            self._names.pop(file.with_suffix(".names"), None)
            return None
        finally:
            os.close(descriptor)
        found, start = [], 0
        for one in series:
            found.append((one, values[start : start + one.width].tolist()))
            start += one.width
        return Reading(live, found) if start == len(values) else None

    def _read_names(self, file: Path) -> Sequence[Series]:
        known = self._names.setdefault(file, _Names())
        with file.open("rb") as names:
            header = names.read(HEADER)
            if header != known.header:
                known.header, known.end, known.series = header, HEADER, []
            names.seek(known.end)
            added = names.read()
        added = added[: added.rfind(b"\n") + 1]  # the last line may be half of one
        known.series += [Series.from_line(line) for line in added.splitlines()]
        known.end += len(added)
        return known.series
