"""What the kernel says about processes, and the arithmetic of the figures."""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PROC = Path("/proc")


def process_tree(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for stat in PROC.glob("[0-9]*/stat"):
        try:
            # The name in parentheses may hold spaces; the parent is the second field after it.
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue  # ended meanwhile
        children.setdefault(parent, []).append(int(stat.parent.name))
    tree = [pid]
    for one in tree:
        tree += children.get(one, ())
    return tree


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the CPU time that processes have used so far, user and system, with all their threads.

    It is what ``/proc/PID/stat`` shows as utime and stime, read from the process's CPU clock (``clock_getcpuclockid``),
    which counts nanoseconds where that file counts hundredths of a second.
    """
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


def memory_kb(pid: int) -> dict[str, int]:
    """Return what a process occupies: ``Rss`` as ps shows it, ``Pss`` with shared pages divided by who shares them."""
    lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()[1:]
    values = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    return {"rss": values["Rss"], "pss": values["Pss"]}


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that ``share`` (0 to 1) of all values do not exceed; NaN if there are none."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


@dataclass(frozen=True)
class Spread:
    """A figure over repetitions: the median, and how far the single ones were from it."""

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Return the spread of values."""
        kept = list(values)
        return cls(statistics.median(kept), min(kept), max(kept), len(kept))

    @classmethod
    def ratio(cls, ours: Sequence[float], theirs: Sequence[float]) -> Spread:
        """Return the spread of ours to theirs, repetition by repetition: what slows a machine for a while hits both."""
        return cls.of(our / their for our, their in zip(ours, theirs, strict=True))

    @classmethod
    def of_turns(cls, ours: Sequence[float], theirs: Sequence[float]) -> Spread:
        """Return the spread of ours to theirs over many short turns: the median, and the middle half of them."""
        ratios = sorted(our / their for our, their in zip(ours, theirs, strict=True))
        return cls(statistics.median(ratios), percentile(ratios, 0.25), percentile(ratios, 0.75), len(ratios))

    def text(self, digits: int = 2) -> str:
        """Return the figure for people."""
        if self.count == 1:
            return f"{self.median:.{digits}f}"
        return f"{self.median:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"

    def as_json(self) -> dict[str, Any]:
        """Return the figure for machines."""
        return {key: round(value, 6) for key, value in asdict(self).items()}


def machine() -> dict[str, str]:
    """Describe the machine as far as it matters to the figures."""
    info = (PROC / "cpuinfo").read_text()
    model = next((line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")), "?")
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": model,
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{pages / 2**30:.0f} GiB",
        "kernel": f"{os.uname().sysname} {os.uname().release.partition('-')[0]}",
    }
