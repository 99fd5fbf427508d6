"""The numbers of one worker: in memory that survives its death, where the deployment has a directory.

Each worker has a place among the workers, and the two files of that place: ``0.values`` has the numbers as doubles,
mapped into memory, and ``0.names`` says in a line each which series they belong to, behind a first line that is new
whenever the file is begun anew. A worker holds its ``.values``
locked while it lives. One that replaces it takes the free place and counts on in its files. So no count goes down, and
there are never more files than there were workers at once.
"""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Self

from agentos_metrics.locks import locked, try_lock
from agentos_metrics.metrics import Metric

CAPACITY = 65536
"""Numbers of one worker. All labels are bounded, so that far fewer are needed."""

SIZE = CAPACITY * 8

HEADER = 32
"""Bytes of the first line of a file of names."""


@dataclass(frozen=True, slots=True)
class Series:
    """One combination of a metric's labels."""

    kind: str
    metric: str
    labels: tuple[str, ...]
    width: int
    buckets: tuple[float, ...] = ()

    @classmethod
    def of(cls, metric: Metric, labels: Sequence[str]) -> Self:
        """Return the series of a metric with these values of its labels; half a character becomes ``?``."""
        values = tuple(value.encode("utf-8", "replace").decode() for value in labels)
        return cls(metric.kind, metric.name, values, metric.width, metric.buckets)

    def line(self) -> bytes:
        """Return it as a line of the file."""
        row = [self.kind, self.metric, self.labels, self.width, self.buckets]
        return json.dumps(row, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """Read a line; raises ``ValueError`` for anything that is none."""
        try:
            kind, metric, labels, width, buckets = json.loads(line)
            series = cls(str(kind), str(metric), tuple(map(str, labels)), int(width), tuple(map(float, buckets)))
        except (TypeError, RecursionError) as error:
            raise ValueError(f"no series: {line!r:.100}") from error
        if series.width < 1:
            raise ValueError(f"no series: {line!r:.100}")
        return series


class Numbers:
    """What one worker counts. Not safe for several threads: the recorder has the lock."""

    def __init__(self) -> None:
        self.values = memoryview(bytearray(SIZE)).cast("d")
        self.place = 0
        self._index: dict[Series, int] = {}
        self._used = 0

    def find(self, series: Series) -> int | None:
        """Return where the numbers of a series begin, a new one's too; ``None`` if there is no more room.

        Raises ``OSError`` if a new one cannot be saved.
        """
        found = self._index.get(series)
        if found is None and self._used + series.width <= CAPACITY:
            self._save(series)
            found = self._add(series)
        return found

    def read(self) -> Iterator[tuple[Series, Sequence[float]]]:
        """Yield every series with its numbers."""
        for series, start in list(self._index.items()):
            yield series, self.values[start : start + series.width].tolist()

    def close(self) -> None:
        """Give the place back."""

    def _add(self, series: Series) -> int:
        start = self._used
        self._index[series] = start
        self._used += series.width
        return start

    def _save(self, series: Series) -> None: ...


class SharedNumbers(Numbers):
    """Those in the files of a place. Raises ``OSError`` if the files cannot be written."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        folder.mkdir(mode=0o700, exist_ok=True)
        with locked(folder):
            self.place, self._values = _take_place(folder)
        try:
            self._names = os.open(folder / f"{self.place}.names", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            self._take_over()
        except BaseException:
            os.close(self._values)
            raise

    def close(self) -> None:
        """Give the place back. What is counted from now on is in memory alone, and lost."""
        self.values = memoryview(bytearray(self.values.cast("B"))).cast("d")
        os.close(self._names)
        os.close(self._values)
        self._names = self._values = -1

    def _take_over(self) -> None:
        """Go on with the numbers of the worker that had this place. Files that are broken are begun anew."""
        names = os.pread(self._names, os.fstat(self._names).st_size, 0)
        kept = names[: names.rfind(b"\n") + 1]  # the last line may be half of one
        try:
            for line in kept[HEADER:].splitlines():
                self._add(Series.from_line(line))
            whole = len(kept) >= HEADER and self._used <= CAPACITY and os.fstat(self._values).st_size == SIZE
        except ValueError:
            whole = False
        if whole:
            os.ftruncate(self._names, len(kept))
        else:
            self._index, self._used = {}, 0
            for descriptor in (self._names, self._values):
                os.ftruncate(descriptor, 0)
            # Zeros and not a hole: to write to a mapped hole when there is no room left would kill the process.
            _write_all(self._values, bytes(SIZE))
            _write_all(self._names, os.urandom(HEADER // 2).hex().encode()[: HEADER - 1] + b"\n")
        self.values = memoryview(mmap.mmap(self._values, SIZE)).cast("d")
        for series, start in self._index.items():
            if series.kind == "gauge":
                self.values[start] = 0.0

    def _save(self, series: Series) -> None:
        if self._names == -1:
            return
        # What a worker that died in this moment left behind it here belongs to no series.
        for position in range(self._used, self._used + series.width):
            self.values[position] = 0.0
        size = os.fstat(self._names).st_size
        try:
            _write_all(self._names, series.line())
        except OSError:
            os.ftruncate(self._names, size)
            raise


def _take_place(folder: Path) -> tuple[int, int]:
    for place in count():
        descriptor = os.open(folder / f"{place}.values", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        if try_lock(descriptor):
            return place, descriptor
        os.close(descriptor)
    raise AssertionError("there is always a next number")


def _write_all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
