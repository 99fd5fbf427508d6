"""Following a run's events in memory."""

import threading
import time

import orjson

from agentos.domain.event import Complete, Error, Frame, RunStart, Token
from agentos.domain.run import Run, RunStatus
from agentos.domain.times import utc_now
from agentos.domain.usage import Usage
from agentos.events.encoder import FrameEncoder
from agentos.events.stream import EventStream


def _frame(number: int, type: str = "token") -> Frame:
    return Frame(number, type, b"{}")


def test_a_follower_sees_what_was_there_and_what_comes_until_the_last_frame() -> None:
    stream = EventStream()
    stream.append(_frame(1))
    seen: list[int] = []

    def follow() -> None:
        for batch in stream.follow(heartbeat=5):
            seen.extend(frame.number for frame in batch)

    follower = threading.Thread(target=follow)
    follower.start()
    for number in range(2, 100):
        stream.append(_frame(number))
    stream.append(_frame(100, "complete"))
    follower.join(5)

    assert seen == list(range(1, 101))


def test_a_follower_begins_after_the_number_that_it_names() -> None:
    stream = EventStream()
    for number in (1, 2, 3):
        stream.append(_frame(number))
    stream.append(_frame(4, "error"))
    assert [frame.number for batch in stream.follow(2, heartbeat=5) for frame in batch] == [3, 4]


def test_frames_that_are_there_together_come_together() -> None:
    stream = EventStream()
    for number in range(1, 51):
        stream.append(_frame(number))
    assert len(next(iter(stream.follow(heartbeat=5)))) == 50


def test_silence_yields_an_empty_batch_as_heartbeat() -> None:
    stream = EventStream()
    before = time.monotonic()
    assert next(iter(stream.follow(heartbeat=0.05))) == []
    assert time.monotonic() - before < 2


def test_waiting_for_the_end_is_bounded() -> None:
    stream = EventStream()
    assert stream.wait(0.01) is None
    stream.append(_frame(1, "complete"))
    assert stream.wait(0.01) == _frame(1, "complete")


def test_what_is_logged_is_not_offered_to_the_log_again() -> None:
    stream = EventStream()
    for number in (1, 2, 3):
        stream.append(_frame(number))
    stream.mark_logged(2)
    assert [frame.number for frame in stream.unlogged()] == [3]


def _run(**fields: object) -> Run:
    return Run(id="r1", agent_id="a1", status=RunStatus.RUNNING, created_at=utc_now(), **fields)  # type: ignore[arg-type]


def test_a_frame_is_the_contracts_envelope_in_one_line() -> None:
    frame = FrameEncoder(_run(session_id="s1")).encode(Token("line\nbreak\u2028\r", 3), 7)
    assert b"\n" not in frame.data
    assert b"\r" not in frame.data
    envelope = orjson.loads(frame.data)
    assert envelope.pop("timestamp").endswith("Z")
    assert envelope == {
        "type": "token",
        "run_id": "r1",
        "agent_id": "a1",
        "session_id": "s1",
        "data": {"token": "line\nbreak\u2028\r", "index": 3},
    }


def test_a_run_without_a_session_has_none_in_its_events() -> None:
    envelope = orjson.loads(FrameEncoder(_run()).encode(RunStart("hi"), 1).data)
    assert "session_id" not in envelope
    assert envelope["data"] == {"input": "hi"}


def test_only_complete_and_error_are_last() -> None:
    encoder = FrameEncoder(_run())
    ends = [Complete("", 0.1, Usage(), 0, 1), Error("e", "m", "C")]
    assert [encoder.encode(event, 1).last for event in [RunStart(""), Token("a"), *ends]] == [False, False, True, True]
