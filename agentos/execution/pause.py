"""Pauses runs: all that a run needs to go on is saved in one transaction, and then no worker has it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from agentos.domain.pending import PendingAction
from agentos.domain.run import Run
from agentos.domain.times import utc_now
from agentos.errors import RateLimited, RunCancelled, StorageError
from agentos.events.log import EventLog
from agentos.execution.finalizer import RunFinalizer, persistently
from agentos.execution.live import LiveRun
from agentos.storage.admission import Ended
from agentos.storage.interface import Storage
from agentos.storage.pauses import EXPIRY_COLLECTION
from agentos.storage.records import Record, RecordKey

logger = logging.getLogger(__name__)


def expiry_key(run: Run) -> RecordKey:
    """Return what names the record of a run's expiry."""
    return RecordKey(EXPIRY_COLLECTION, run.owner, run.id)


def forget_expiry(storage: Storage, run: Run) -> None:
    """Delete the record of a run that does not wait any more."""
    collection, owner, id = expiry_key(run)
    try:
        storage.records.delete(collection, id, owner=owner)
    except StorageError:  # it finds no paused run when it is due, and is deleted then
        logger.debug("the expiry of a run stays until it is due", extra={"run_id": run.id})


class RunPauser:
    """Pauses a run in place of its end. ``limit`` is how many runs of one owner may be paused at once."""

    def __init__(self, storage: Storage, log: EventLog, finalizer: RunFinalizer, *, limit: int | None) -> None:
        self._storage = storage
        self._log = log
        self._finalizer = finalizer
        self._limit = limit

    def pause(self, live: LiveRun, actions: Sequence[PendingAction], state: Any = None) -> Ended | None:
        """Save a run as paused, with what its agent asked to keep, then tell its followers. Their connections end.

        A run that may not pause ends instead: as cancelled if it was asked to stop, as failed if its owner has too
        many that are paused. Returns ``None`` if another caller ends the run.
        """
        if not live.begin_end():
            return None
        self._log.release(live.run.id)
        try:
            waiting = self._by_shared_clock(actions)
            run, checkpoints, frame = live.paused(waiting, state)
            save = partial(
                self._storage.runs.pause,
                run,
                checkpoints=checkpoints,
                actions=waiting,
                frames=[*live.stream.unlogged(), frame],
                records=_expiry(run, waiting),
                limit=self._limit,
            )
            paused = persistently(save)
        except (RunCancelled, RateLimited, StorageError) as error:
            return self._finalizer.end_begun(live, error)
        # A bug, or a storage backend that breaks its contract: the run's client must hear of an end all the same.
        except Exception:
            logger.exception("pausing a run met a bug", extra=live.log_fields())
            return self._finalizer.end_begun(live, StorageError("the run should have paused, and could not be saved"))
        if not paused:
            self._finalizer.leave(live)
            return Ended()
        live.run = run
        live.stream.append(frame)
        return Ended()

    def _by_shared_clock(self, actions: Sequence[PendingAction]) -> Sequence[PendingAction]:
        """Return actions with their times by the database's clock, which decides when their time is over."""
        ahead = persistently(self._storage.now) - utc_now()
        return [
            replace(
                action,
                created_at=action.created_at + ahead,
                expires_at=None if action.expires_at is None else action.expires_at + ahead,
            )
            for action in actions
        ]


def _expiry(run: Run, actions: Sequence[PendingAction]) -> Sequence[Record]:
    due = min((action.expires_at for action in actions if action.expires_at is not None), default=None)
    if due is None:
        return ()
    return [Record(collection=EXPIRY_COLLECTION, id=run.id, owner=run.owner, due_at=due)]
