"""Encodes events as the one line of JSON that every follower and the log share."""

from __future__ import annotations

import time
from functools import lru_cache

import orjson

from agentos.domain.event import Frame, RunEvent
from agentos.domain.run import Run


class FrameEncoder:
    """Encodes the events of one run. What is the same for all of them is encoded once."""

    def __init__(self, run: Run) -> None:
        same = {"run_id": run.id, "agent_id": run.agent_id}
        if run.session_id is not None:
            same["session_id"] = run.session_id
        self._same = orjson.dumps(same)[1:-1] + b',"data":'
        self._now = (0, b"")

    def encode(self, event: RunEvent, number: int) -> Frame:
        """Return the event as the run's frame of this number."""
        data = b'{"type":"%b","timestamp":"%bZ",%b%b}' % (
            event.type.encode(),
            self._timestamp(),
            self._same,
            orjson.dumps(event.data()),
        )
        return Frame(number, event.type, data)

    def _timestamp(self) -> bytes:
        """Return the time in milliseconds; what comes together shares one."""
        millisecond = time.time_ns() // 1_000_000
        now = self._now
        if now[0] != millisecond:
            second, rest = divmod(millisecond, 1000)
            self._now = now = (millisecond, b"%b.%03d" % (_utc(second), rest))
        return now[1]


@lru_cache(maxsize=8)
def _utc(second: int) -> bytes:
    """Return a second since 1970 as RFC 3339 writes it; computed once for all events of the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
