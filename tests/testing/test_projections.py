"""The contract of projections, kept by our own, and what it notices."""

from collections.abc import Sequence
from typing import Any

import pytest

from agentos.api.v1.sse import SSEProjection
from agentos.domain.event import Frame
from agentos.events.encoder import FrameEncoder
from agentos.events.projection import Projection
from agentos.testing.projections import COMPLETED, ProjectionContract, ended_run
from agentos.testing.sse import SSEReader
from agentos.web import SSE_HEARTBEAT, event_data, sse_json


class ReadAsEvents(ProjectionContract):
    def read(self, body: bytes) -> object:
        return SSEReader().feed(body)


class TestOurStream(ReadAsEvents):
    resumable = True

    def projection(self) -> Projection:
        return SSEProjection()


class TestOurFilteredStream(ReadAsEvents):
    resumable = True

    def projection(self) -> Projection:
        return SSEProjection({"token", "complete"}, retry=True)


class Texts(Projection):
    """Counts what it sends, as some protocols ask for."""

    media_type = "text/event-stream"

    def __init__(self) -> None:
        self.sent = 0

    def render(self, frames: Sequence[Frame]) -> bytes:
        pieces = []
        for frame in frames:
            if frame.type == "token":
                pieces.append(sse_json({"n": self.sent, "text": event_data(frame)["token"]}))
                self.sent += 1
        return b"".join(pieces)

    def heartbeat(self) -> bytes:
        return SSE_HEARTBEAT

    def end(self, run: Any) -> bytes:
        return sse_json({"status": run.status})


class TestOneThatCounts(ReadAsEvents):
    def projection(self) -> Projection:
        return Texts()


class Wrong(Texts):
    """Breaks one promise each."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def render(self, frames: Sequence[Frame]) -> bytes:
        if self.how == "batches":
            return b"data: %d\n\n" % len(frames) if frames else b""
        if self.how == "empty":
            self.sent += 1
        if self.how == "chance":
            return sse_json({"id": id(self)}) if frames else b""
        return super().render(frames)

    def heartbeat(self) -> bytes:
        if self.how == "heartbeat":
            self.sent += 1
        return sse_json("beat") if self.how == "loud heartbeat" else SSE_HEARTBEAT


@pytest.mark.parametrize(
    ("how", "promise"),
    [
        ("batches", "test_it_does_not_matter_how_many_frames_come_together"),
        ("empty", "test_no_frames_are_nothing"),
        ("chance", "test_a_log_gives_the_same_bytes_each_time"),
        ("heartbeat", "test_a_heartbeat_changes_nothing"),
        ("loud heartbeat", "test_a_heartbeat_changes_nothing"),
    ],
)
def test_a_projection_that_breaks_a_promise_is_found_out(how: str, promise: str) -> None:
    kept: list[Projection] = []

    class Contract(ReadAsEvents):
        def projection(self) -> Projection:
            kept.append(Wrong(how))  # else two could be at one address
            return kept[-1]

    run = ended_run(COMPLETED[-1])
    encoder = FrameEncoder(run)
    frames = [encoder.encode(event, number) for number, event in enumerate(COMPLETED, 1)]
    given: dict[str, Any] = {"frames": frames, "run": run, "size": 1}
    test = getattr(Contract(), promise)
    names = test.__code__.co_varnames[1 : test.__code__.co_argcount]
    with pytest.raises(AssertionError):
        test(**{name: given[name] for name in names})
