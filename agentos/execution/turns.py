"""Waking runs that wait for their turn in a session."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class SessionTurns:
    """Lets a run that ends wake those that wait behind it in this worker; others find out by asking the database."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, set[threading.Event]] = {}

    @contextmanager
    def waiting(self, session_id: str) -> Iterator[threading.Event]:
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

    def ended(self, session_id: str) -> None:
        """Wake the runs that wait in this session."""
        with self._lock:
            for event in self._waiting.get(session_id, ()):
                event.set()
