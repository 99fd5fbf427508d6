"""What waits in the whole deployment: asked of the database when somebody reads the metrics, and seldom."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from agentos import AgentOSError, Backlog
from agentos_metrics.metrics import APPROVAL_AGE, DATABASE_UP, PAUSED, QUEUED, QUEUED_AGE, Metric

KEPT = 5.0
"""Seconds in which the database is not asked again, however often the metrics are read."""

PATIENCE = 2.0
"""Seconds that a reader of the metrics waits for the database. Prometheus gives up after ten."""

logger = logging.getLogger(__name__)

Gauges = Mapping[Metric, float]


class BacklogReader:
    """Asks the database in a thread, so that one that does not answer delays no other number. Never raises."""

    def __init__(self, ask: Callable[[], Backlog | None]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._asking: threading.Thread | None = None
        self._asked_at = -KEPT
        self._up = True
        self._found: Backlog | None = None

    def read(self) -> Gauges:
        """Return the gauges. Where the database does not answer, there is ``agentos_database_up`` alone."""
        with self._lock:
            if self._asking is None and time.monotonic() - self._asked_at >= KEPT:
                self._asking = threading.Thread(target=self._work, name="metrics-backlog", daemon=True)
                self._asking.start()
            asking = self._asking
        if asking is not None:
            asking.join(PATIENCE)
        with self._lock:
            up, found = self._up and self._asking is None, self._found
        if not up or found is None:
            return {DATABASE_UP: float(up)}
        return {
            DATABASE_UP: 1.0,
            QUEUED: found.queued,
            QUEUED_AGE: _age(found.oldest_queued_at),
            PAUSED: found.paused,
            APPROVAL_AGE: _age(found.oldest_approval_at),
        }

    def _work(self) -> None:
        up, found = True, None
        try:
            found = self._ask()
        except AgentOSError:  # the server's own log says what is wrong with the database
            up = False
        except Exception:  # a storage backend is other people's code
            logger.exception("what waits could not be counted")
            up = False
        with self._lock:
            self._up, self._found, self._asked_at, self._asking = up, found, time.monotonic(), None


def _age(since: datetime | None) -> float:
    # Clocks of two machines differ a little.
    return 0.0 if since is None else max(0.0, (datetime.now(UTC) - since).total_seconds())
