"""The order of a session's runs: the oldest unfinished one executes, by the database's order."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from agentos.domain.message import Message
from agentos.domain.times import utc_now
from agentos.errors import RunCancelled, RunNotFound, StorageError
from agentos.execution.live import LiveRun
from agentos.observability.repeated import RepeatedLines
from agentos.storage.admission import Admission
from agentos.storage.interface import Storage

POLL = (0.03, 0.2)
"""Least and most seconds between two questions whether it is a run's turn, when no run of this worker wakes it."""

logger = logging.getLogger(__name__)
repeated = RepeatedLines(logger)


class SessionQueue:
    """Lets a run that ends wake those that wait behind it in this worker; others find out by asking the database."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._lock = threading.Lock()
        self._waiting: dict[str, set[threading.Event]] = {}

    def wait_for(self, live: LiveRun, *, history_turns: int) -> Sequence[Message]:
        """Return a run's history once it may begin. Raises the cause of a stop, ``RunCancelled`` if it is gone."""
        live.cancellation.check()
        pause = POLL[0]
        with self._ends(live.run.session_id or "") as ended, live.cancellation.cutting(ended.set):
            while True:
                claimed = self._claim(live, history_turns)
                if claimed is not None:
                    # A storage need not give these back.
                    live.run = replace(claimed.run, request=live.run.request, request_id=live.run.request_id)
                    return claimed.history
                if not ended.wait(pause):
                    pause = min(pause * 2, POLL[1])
                ended.clear()
                live.cancellation.check()

    def ended(self, session_id: str) -> None:
        """Wake the runs that wait in this session."""
        with self._lock:
            for event in self._waiting.get(session_id, ()):
                event.set()

    def _claim(self, live: LiveRun, history_turns: int) -> Admission | None:
        try:
            return self._storage.runs.start(live.run, history_turns=history_turns, now=utc_now())
        except RunNotFound as error:
            raise RunCancelled(
                "the run was taken away while it waited: its session is gone, or it was ended"
            ) from error
        except StorageError:
            # Nothing is lost by waiting: the run has its place, and its deadline still holds.
            repeated.warning("a run could not ask for its turn; trying again", extra={"run_id": live.run.id})
            return None

    @contextmanager
    def _ends(self, session_id: str) -> Iterator[threading.Event]:
        """Yield an event that is set whenever a run of the session ends here."""
        event = threading.Event()
        with self._lock:
            self._waiting.setdefault(session_id, set()).add(event)
        try:
            yield event
        finally:
            with self._lock:
                events = self._waiting[session_id]
                events.discard(event)
                if not events:
                    del self._waiting[session_id]
