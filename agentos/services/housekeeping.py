"""Throws away what was kept for its time only, in small transactions that never hold a lock for long."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial

from agentos.config import Config
from agentos.observability.audit import SERVER, log_operation
from agentos.periodic_thread import PeriodicThread
from agentos.services.batches import PAUSE, BatchSize, delete_all
from agentos.storage.idempotency import IDEMPOTENCY_SECONDS
from agentos.storage.interface import Storage
from agentos.storage.sessions import SessionFilter

INTERVAL = 600.0
"""Seconds between two rounds of a worker, about; each worker makes its own, so that none is needed."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pruned:
    """How much a round threw away: event logs, idempotency keys, sessions, runs without a session."""

    event_logs: int
    idempotency_keys: int
    sessions: int
    runs: int


class HousekeepingService(PeriodicThread):
    """Prunes when a command asks for it, and every ten minutes once it is started.

    When it is closed, a round that is under way ends with its present transaction.
    """

    def __init__(self, storage: Storage, config: Config, *, interval: float = INTERVAL) -> None:
        self._storage = storage
        self._config = config
        failure = "housekeeping failed; trying again later"
        # Not all workers of a deployment at the same moment, which is when it starts.
        super().__init__("housekeeping", self._work, interval, logger=logger, failure=failure, spread=0.5)

    def prune(self) -> Pruned:
        """Delete events after ``event_retention``, keys after a day, sessions and runs after a ``…_ttl`` above 0."""
        # The database's clock: that of one worker may be wrong, and what it deletes too early is gone for all.
        now = self._storage.now()
        ended_before = now - timedelta(seconds=self._config.event_retention)
        logs = delete_all(partial(self._storage.events.delete_old, ended_before=ended_before), self.stopping.wait)
        created_before = now - timedelta(seconds=IDEMPOTENCY_SECONDS)
        delete_keys = partial(self._storage.idempotency.delete_old, created_before=created_before)
        keys = delete_all(delete_keys, self.stopping.wait)
        ttl = self._config.session_ttl
        sessions = self.prune_sessions(now - timedelta(seconds=ttl)) if ttl else 0
        ttl = self._config.run_ttl
        runs = self.prune_runs(now - timedelta(seconds=ttl)) if ttl else 0
        return Pruned(logs, keys, sessions, runs)

    def prune_sessions(self, before: datetime) -> int:
        """Delete everybody's sessions without activity since ``before``; return how many."""
        idle = SessionFilter(updated_before=before)
        return delete_all(partial(self._storage.sessions.delete_oldest, idle), self.stopping.wait)

    def prune_runs(self, before: datetime) -> int:
        """Delete everybody's runs without a session that ended before a time; return how many."""
        batch = BatchSize()
        with batch.timed() as limit:
            deleted, after = self._storage.runs.delete_old(ended_before=before, limit=limit)
        while after is not None and not self.stopping.wait(PAUSE):
            with batch.timed() as limit:
                some, after = self._storage.runs.delete_old(ended_before=before, after=after, limit=limit)
            deleted += some
        return deleted

    def _work(self) -> None:
        pruned = self.prune()
        logger.debug("housekeeping", extra={"pruned": repr(pruned)})
        if pruned.sessions or pruned.runs:  # events and idempotency keys have no owner
            log_operation("data.prune", outcome="done", by=SERVER, door=SERVER, details=asdict(pruned))
