"""What tests of a database that is away look at: streams that were open, and how long requests take."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import requests

from parts.client import Event

BOUND = 10.0
"""Seconds that a request may take which the database cannot serve."""


class Following(threading.Thread):
    """Reads a stream to its end, beside the test."""

    def __init__(self, events: Iterator[Event]) -> None:
        super().__init__(daemon=True)
        self.events = [next(events)]
        self._rest = events
        self.start()

    def run(self) -> None:
        self.events += self._rest

    @property
    def run_id(self) -> str:
        return self.events[0].run_id

    def last(self) -> Event:
        self.join(60)
        assert not self.is_alive()
        return self.events[-1]


def timed(method: str, url: str, body: Any = None) -> requests.Response:
    """Ask; an answer later than the bound is a failure."""
    before = time.monotonic()
    response = requests.request(method, url, json=body, timeout=30)
    assert time.monotonic() - before < BOUND
    return response
