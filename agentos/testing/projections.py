"""Tests that every projection should pass, so that a client can come back to any door and miss nothing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from agentos.domain.event import (
    Complete,
    Error,
    Frame,
    Paused,
    Reasoning,
    Resumed,
    RunEvent,
    RunStart,
    Token,
    ToolCallEvent,
)
from agentos.domain.run import Run, RunError, RunStatus
from agentos.domain.usage import Usage
from agentos.events.encoder import FrameEncoder
from agentos.events.projection import Projection

NOW = datetime(2027, 1, 31, 12, tzinfo=UTC)

SAID = (
    "Hello",
    " there",
    "",
    "\n",
    "\r\n\r\n",
    "data: x",
    "\x85\u2028\u2029",
    "žluťoučký 🐎",
    "\x00",
    '"\\',
    "ab" * 5000,
)
"""What a model may say: line ends of all kinds, characters beyond ASCII, and what looks like a protocol."""

TOOL: dict[str, Any] = {"tool_call_id": "call-1", "tool_name": "weather", "arguments": {"city": "Oslo"}}

COMPLETED: Sequence[RunEvent] = (
    RunStart("What is the weather?"),
    Reasoning("Let me\nthink"),
    ToolCallEvent(**TOOL, status="started"),
    ToolCallEvent(**TOOL, status="completed", result="rain\n\nand wind", duration=0.1),
    *(Token(text, index) for index, text in enumerate(SAID)),
    Complete("".join(SAID), 1.5, Usage(3, 4), 11, 2, model="scripted:echo", finish_reason="stop"),
)
FAILED: Sequence[RunEvent] = (
    RunStart("What is the weather?"),
    Token("Hel", 0),
    Error("agent execution failed", "it broke", "EXECUTION_ERROR", {"cause": "AGENT_FAILED", "run_id": "run-1"}),
)
STARTED_OVER: Sequence[RunEvent] = (
    RunStart("Hi"),
    Token("Hel", 0),
    RunStart("Hi", attempt=2),
    Token("Hello", 0),
    Complete("Hello", 2.5, Usage(3, 4), 1, 1),
)

RESUMED: Sequence[RunEvent] = (
    RunStart("Pay Ada"),
    Token("One moment.", 0),
    Paused([{"id": "action-1", "kind": "approval", **TOOL, "message": "above\n1,000"}]),
    Resumed([{"id": "action-1", "decision": "approve"}]),
    ToolCallEvent(**TOOL, status="started"),
    ToolCallEvent(**TOOL, status="completed", result="paid"),
    Token("Done.", 1),
    Complete("Done.", 3.5, Usage(3, 4), 2, 2),
)

LOGS: dict[str, Sequence[RunEvent]] = {
    "completed": COMPLETED,
    "failed": FAILED,
    "started over": STARTED_OVER,
    "paused and resumed": RESUMED,
}


class ProjectionContract(ABC):
    """Derive a test class from it, name it ``Test…``, and return a new projection.

    >>> class TestMyProjection(ProjectionContract):
    ...     def projection(self):
    ...         return MyProjection()

    ``read`` turns a whole response into what a client gets of it; override it for a protocol in which a heartbeat can
    be told from nothing. ``resumable`` says that a projection which begins in the middle of a log gives the same bytes
    for the rest; leave it False for one that keeps count.
    """

    resumable = False

    @abstractmethod
    def projection(self) -> Projection:
        """Return a projection of one response, as the operation makes it."""

    def read(self, body: bytes) -> object:
        """Return what a client gets of a response: by default the bytes without what each heartbeat is."""
        heartbeat = self.projection().heartbeat()
        return body.replace(heartbeat, b"") if heartbeat else body

    @pytest.fixture(params=list(LOGS))
    def events(self, request: pytest.FixtureRequest) -> Sequence[RunEvent]:
        """Return the events of a run that has ended."""
        return LOGS[request.param]

    @pytest.fixture
    def run(self, events: Sequence[RunEvent]) -> Run:
        """Return the run that they are of."""
        return ended_run(events[-1])

    @pytest.fixture
    def frames(self, events: Sequence[RunEvent], run: Run) -> Sequence[Frame]:
        """Return the run's log."""
        encoder = FrameEncoder(run)
        return [encoder.encode(event, number) for number, event in enumerate(events, 1)]

    def test_it_says_what_it_is(self) -> None:
        """``media_type`` is the response's Content-Type."""
        assert "/" in self.projection().media_type

    def test_a_log_gives_the_same_bytes_each_time(self, frames: Sequence[Frame], run: Run) -> None:
        """Nothing depends on the time, on chance, or on the process."""
        first = whole(self.projection(), frames, run)
        assert first == whole(self.projection(), frames, run)
        assert first

    @pytest.mark.parametrize("size", [1, 2, 3, 1000])
    def test_it_does_not_matter_how_many_frames_come_together(
        self, frames: Sequence[Frame], run: Run, size: int
    ) -> None:
        """A fast client gets frames one by one, a slow one many at once: both read the same."""
        assert whole(self.projection(), frames, run, size=size) == whole(self.projection(), frames, run)

    def test_no_frames_are_nothing(self, frames: Sequence[Frame]) -> None:
        """An empty batch says nothing and changes nothing."""
        projection, other = self.projection(), self.projection()
        for frame in frames:
            assert projection.render(()) == b""
            assert projection.render((frame,)) == other.render((frame,))

    def test_a_heartbeat_changes_nothing(self, frames: Sequence[Frame], run: Run) -> None:
        """A client reads the same with heartbeats between all frames, however many."""
        projection = self.projection()
        pieces = [projection.opening, projection.heartbeat()]
        for frame in frames:
            pieces += [projection.render((frame,)), projection.heartbeat(), projection.heartbeat()]
        body = b"".join([*pieces[:-2], projection.end(run)])
        assert self.read(body) == self.read(whole(self.projection(), frames, run))

    def test_the_end_is_the_same_each_time(self, frames: Sequence[Frame], run: Run) -> None:
        """What follows the last frame is bytes, and depends on the run alone."""
        ends = []
        for _ in range(2):
            projection = self.projection()
            projection.render(frames)
            ends.append(projection.end(run))
        assert isinstance(ends[0], bytes)
        assert ends[0] == ends[1]

    def test_a_client_can_come_back_after_any_frame(self, frames: Sequence[Frame]) -> None:
        """What a projection sends of the rest of a log is what one of the whole log sends of it."""
        if not self.resumable:
            pytest.skip("not resumable")
        for number in range(1, len(frames)):
            joined = self.projection().render(frames[:number]) + self.projection().render(frames[number:])
            assert joined == self.projection().render(frames)


def ended_run(last: RunEvent) -> Run:
    """Return a run that ended with this event."""
    same: dict[str, Any] = {
        "id": "run-1",
        "agent_id": "helper",
        "session_id": "s-1",
        "created_at": NOW,
        "started_at": NOW,
    }
    if isinstance(last, Error):
        error = RunError(code=last.code, error=last.error, message=last.message, details=last.details)
        return Run(**same, status=RunStatus.FAILED, error=error, ended_at=NOW)
    assert isinstance(last, Complete)
    same |= {"usage": last.usage, "model": last.model, "finish_reason": last.finish_reason}
    return Run(**same, status=RunStatus.COMPLETED, content=last.output, ended_at=NOW)


def whole(projection: Projection, frames: Sequence[Frame], run: Run, *, size: int = 4) -> bytes:
    """Return a response's whole body, with so many frames at a time."""
    batches = [frames[start : start + size] for start in range(0, len(frames), size)]
    return b"".join([projection.opening, *map(projection.render, batches), projection.end(run)])
