"""The HTTP requests that began the runs which this worker has submitted: known to its log, and not stored."""

from __future__ import annotations

import threading
from dataclasses import replace

from agentos.domain.run import Run

MOST = 10_000
"""Runs that are remembered; the oldest are forgotten first. Another worker may execute them, which is not seen here."""


class RequestIds:
    """Remembers them from a run's submission to its claim."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids: dict[str, str] = {}

    def keep(self, run: Run) -> None:
        """Remember which request began a run."""
        if run.request_id is None:
            return
        with self._lock:
            self._ids[run.id] = run.request_id
            if len(self._ids) > MOST:
                del self._ids[next(iter(self._ids))]

    def give_back(self, run: Run) -> Run:
        """Return a claimed run with the request that began it, where it is known."""
        with self._lock:
            request_id = self._ids.pop(run.id, None)
        return run if request_id is None else replace(run, request_id=request_id)
