"""Encodes events as the one line of JSON that every follower and the log share."""

from __future__ import annotations

from datetime import UTC, datetime

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

    def encode(self, event: RunEvent, number: int) -> Frame:
        """Return the event as the run's frame of this number."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")[:-6]
        data = b'{"type":"%b","timestamp":"%bZ",%b%b}' % (
            event.type.encode(),
            now.encode(),
            self._same,
            orjson.dumps(event.data()),
        )
        return Frame(number, event.type, data)
