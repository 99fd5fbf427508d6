"""Deletes all that an owner has, or one user of that owner."""

from __future__ import annotations

import logging
import time
from functools import partial

from agentos.errors import RunCancelled
from agentos.execution.worker import Worker
from agentos.services.batches import PAUSE, BatchSize, delete_all
from agentos.storage.interface import Storage
from agentos.storage.runs import Deleted
from agentos.storage.sessions import SessionFilter

STOP_WAIT = 2.0
"""Seconds that runs under way are waited for. After that they are deleted, and their workers find them gone."""

POLL = 0.1

logger = logging.getLogger(__name__)


class OwnerDataService:
    """Sessions, aliases, runs, attachments and records of one owner. API keys stay: revoke them."""

    def __init__(self, storage: Storage, worker: Worker) -> None:
        self._storage = storage
        self._worker = worker

    def delete(self, owner: str, *, user_id: str | None = None) -> Deleted:
        """Cancel the owner's runs under way, then delete what the owner has; return how much that was.

        With ``user_id``, only the sessions and runs of that user; records have no user, and stay. What is made
        meanwhile may stay: call again.
        """
        self._stop_runs(owner, user_id)
        deleted = self._delete_runs(owner, user_id)
        # Before their sessions, which would take them along uncounted.
        aliases, sessions, records = self._storage.aliases, self._storage.sessions, self._storage.records
        deleted += Deleted(aliases=delete_all(partial(aliases.delete_of_owner, owner, user_id=user_id)))
        where = SessionFilter(owner=owner, user_id=user_id)
        deleted += Deleted(sessions=delete_all(partial(sessions.delete_oldest, where)))
        if user_id is None:
            deleted += Deleted(records=delete_all(partial(records.delete_of_owner, owner)))
        logger.info("data of an owner deleted", extra={"sessions": deleted.sessions, "runs": deleted.runs})
        return deleted

    def _stop_runs(self, owner: str, user_id: str | None) -> None:
        deadline = time.monotonic() + STOP_WAIT
        cause = RunCancelled("the data of the run's owner is being deleted")
        while asked := self._storage.runs.request_cancel_of_owner(owner, user_id=user_id):
            for run in asked:
                self._worker.stop_asked(run, cause)
            if time.monotonic() >= deadline:
                return
            time.sleep(POLL)

    def _delete_runs(self, owner: str, user_id: str | None) -> Deleted:
        delete_page = partial(self._storage.runs.delete_of_owner, owner, user_id=user_id)
        batch = BatchSize()
        with batch.timed() as limit:
            deleted, after = delete_page(limit=limit)
        while after is not None:
            time.sleep(PAUSE)
            with batch.timed() as limit:
                some, after = delete_page(after=after, limit=limit)
            deleted += some
        return deleted
