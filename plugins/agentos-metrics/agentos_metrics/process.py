"""What a worker's process uses: memory, CPU, open files."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from agentos_metrics.metrics import WORKER_CPU, WORKER_FILES, WORKER_MEMORY, WORKER_START
from agentos_metrics.recorder import Recorder

INTERVAL = 5.0
"""Seconds between two looks; the worker that is scraped looks once more."""


class ProcessSampler:
    """Records the figures of this process every few seconds. ``/proc`` has them; elsewhere only CPU is recorded.

    ``also`` is called to record more.
    """

    def __init__(self, recorder: Recorder, also: Callable[[], object] = lambda: None) -> None:
        self._recorder = recorder
        self._also = also
        self._labels = (str(recorder.numbers.place),)
        self._before = recorder.get(WORKER_CPU, self._labels)  # of the processes that had this place
        recorder.set(WORKER_START, self._labels, time.time())
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work, name="metrics-process", daemon=True)

    def start(self) -> None:
        """Begin."""
        self.sample()
        self._thread.start()

    def stop(self) -> None:
        """Record the last figures, and end."""
        self._end.set()
        self._thread.join(1.0)
        self.sample()

    def sample(self) -> None:
        """Record the figures as they are now."""
        self._recorder.set(WORKER_CPU, self._labels, self._before + time.process_time())
        memory, files = resident_memory(), open_files()
        if memory is not None:
            self._recorder.set(WORKER_MEMORY, self._labels, memory)
        if files is not None:
            self._recorder.set(WORKER_FILES, self._labels, files)
        self._also()

    def _work(self) -> None:
        while not self._end.wait(INTERVAL):
            self.sample()


def resident_memory() -> int | None:
    """Return the resident memory of this process in bytes."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def open_files() -> int | None:
    """Return how many files and sockets this process has open."""
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return None
