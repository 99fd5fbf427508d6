"""The order of a session's runs: the oldest unfinished one executes, by the database's order."""

from __future__ import annotations

import logging
from dataclasses import replace

from agentos.domain.run import Run, RunStatus
from agentos.domain.times import utc_now
from agentos.errors import RunCancelled, RunNotFound, RunTimeout, StorageError
from agentos.execution.live import LiveRun
from agentos.execution.signals import Signals, session_topic
from agentos.observability.repeated import RepeatedLines
from agentos.storage.admission import Lease
from agentos.storage.interface import Storage

POLL = (0.03, 0.2)
"""Least and most seconds between two questions whether it is a run's turn, when no signal wakes it."""

logger = logging.getLogger(__name__)
repeated = RepeatedLines(logger)


def waited_too_long(seconds: float) -> RunTimeout:
    """Return the error of a run that waited so long for its session's turn."""
    return RunTimeout(
        f"the run waited {seconds:g} s for its session's turn and was stopped; try again when the session has no run"
        " under way, or wait longer (AGENTOS_QUEUE_TIMEOUT)",
        details={"phase": "queued"},
    )


class SessionQueue:
    """Lets inline and streamed runs wait in their threads. Those in the background wait in the database."""

    def __init__(self, storage: Storage, signals: Signals, lease: Lease) -> None:
        self._storage = storage
        self._signals = signals
        self._lease = lease

    def wait_for(self, live: LiveRun) -> None:
        """Return once the run may begin, which is ``running`` then.

        Raises the cause of a stop, ``RunCancelled`` if the run is gone, and :class:`~agentos.errors.SessionBusy` if the
        run before it has paused: its thread would wait for days.
        """
        live.cancellation.check()
        pause = POLL[0]
        with (
            self._signals.listen(session_topic(live.run.session_id or "")) as wakeup,
            live.cancellation.cutting(wakeup.wake),
        ):
            while (claimed := self._claim(live)) is None:
                if not wakeup.wait(pause):
                    pause = min(pause * 2, POLL[1])
                live.cancellation.check()
        # A storage need not give these back; the attachments of a run that was just admitted have their data.
        live.run = replace(claimed, media=live.run.media, request=live.run.request, request_id=live.run.request_id)

    def _claim(self, live: LiveRun) -> Run | None:
        try:
            return self._claimed(live)
        except StorageError:
            # Nothing is lost by waiting: the run has its place, and its deadline still holds.
            repeated.warning("a run could not ask for its turn; trying again", extra={"run_id": live.run.id})
            return None

    def _claimed(self, live: LiveRun) -> Run | None:
        try:
            admission = self._storage.runs.claim(live.run.id, self._lease, now=utc_now())
        except RunNotFound as error:
            run = self._storage.runs.get(live.run.id, owner=None)
            if run is not None and self._has_claimed(run, live):
                return run
            raise RunCancelled(
                "the run was taken away while it waited: its session is gone, or it was ended"
            ) from error
        return None if admission is None else admission.run

    def _has_claimed(self, run: Run, live: LiveRun) -> bool:
        """Return whether a claim was committed of which the reply was lost. Only this thread claims this attempt."""
        mine = run.worker_id == self._lease.worker_id and run.attempt == live.run.attempt
        return mine and run.status is RunStatus.RUNNING
