"""Following a run's events in memory."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime

import orjson
import pytest

from agentos.alarm import Alarm, Call
from agentos.domain.event import Complete, Error, Frame, RunStart, Token
from agentos.domain.run import Run, RunStatus
from agentos.domain.times import utc_now
from agentos.domain.usage import Usage
from agentos.events.encoder import FrameEncoder
from agentos.events.stream import EventStream


@pytest.fixture
def alarm() -> Iterator[Alarm]:
    alarm = Alarm()
    yield alarm
    alarm.close()


@pytest.fixture
def busy_threads() -> Iterator[None]:
    """Let threads take turns so often that what is not done under one lock is seen half done."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def _frame(number: int, type: str = "token") -> Frame:
    return Frame(number, type, b"{}")


def test_a_follower_sees_what_was_there_and_what_comes_until_the_last_frame(alarm: Alarm) -> None:
    stream = EventStream(alarm)
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


def test_a_follower_begins_after_the_number_that_it_names(alarm: Alarm) -> None:
    stream = EventStream(alarm)
    for number in (1, 2, 3):
        stream.append(_frame(number))
    stream.append(_frame(4, "error"))
    assert [frame.number for batch in stream.follow(2, heartbeat=5) for frame in batch] == [3, 4]


def test_frames_that_are_there_together_come_together(alarm: Alarm) -> None:
    stream = EventStream(alarm)
    for number in range(1, 51):
        stream.append(_frame(number))
    assert len(next(iter(stream.follow(heartbeat=5)))) == 50


def test_silence_yields_an_empty_batch_as_heartbeat(alarm: Alarm) -> None:
    stream = EventStream(alarm)
    before = time.monotonic()
    assert next(iter(stream.follow(heartbeat=0.05))) == []
    assert time.monotonic() - before < 2


def test_waiting_for_the_end_is_bounded(alarm: Alarm) -> None:
    stream = EventStream(alarm)
    assert stream.wait(0.01) is None
    stream.append(_frame(1, "complete"))
    assert stream.wait(0.01) == _frame(1, "complete")


def test_what_is_logged_is_not_offered_to_the_log_again(alarm: Alarm) -> None:
    stream = EventStream(alarm)
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


class CountingAlarm(Alarm):
    calls = 0

    def call_at(self, moment: float, function: Callable[[], object]) -> Call:
        self.calls += 1
        return super().call_at(moment, function)


def test_a_follower_needs_one_timer_however_many_frames_come() -> None:
    alarm = CountingAlarm()
    stream = EventStream(alarm)
    follower = stream.follow(heartbeat=100)
    for number in range(1, 101):
        threading.Timer(0, stream.append, [_frame(number)]).start()
        assert [frame.number for frame in next(follower)] == [number]
    stream.append(_frame(101, "complete"))
    assert [len(batch) for batch in follower] == [1]
    assert alarm.calls == 1
    alarm.close()


def test_heartbeats_come_in_each_silence_and_never_between_frames(alarm: Alarm) -> None:
    stream = EventStream(alarm)
    stream.append(_frame(1))
    follower = stream.follow(heartbeat=0.1)
    assert [len(next(follower)) for _ in range(3)] == [1, 0, 0]
    threading.Timer(0.05, stream.append, [_frame(2)]).start()
    before = time.monotonic()
    assert [len(next(follower)) for _ in range(2)] == [1, 0]
    assert 0.14 <= time.monotonic() - before < 1


def test_frames_that_are_added_together_reach_who_waits_together(alarm: Alarm, busy_threads: None) -> None:
    stream = EventStream(alarm)
    follower = stream.follow(heartbeat=5)
    frames = [_frame(number) for number in range(1, 5001)]
    threading.Timer(0.05, stream.extend, [frames]).start()
    assert len(next(follower)) == 5000


def test_all_followers_and_the_log_share_what_was_encoded_once(alarm: Alarm) -> None:
    stream = EventStream(alarm)
    encoder = FrameEncoder(_run())
    stream.extend([encoder.encode(Token("a", index), index + 1) for index in range(10)])
    shared = [*(next(stream.follow(heartbeat=5)) for _ in range(3)), stream.unlogged()]
    for frames in shared:
        assert [id(frame.data) for frame in frames] == [id(frame.data) for frame in shared[0]]


def test_who_follows_a_durable_stream_is_woken_by_the_log_alone(alarm: Alarm) -> None:
    stream = EventStream(alarm, durable=True)
    stream.extend([_frame(1), _frame(2), _frame(3)])
    follower = stream.follow(heartbeat=5)
    threading.Timer(0.05, stream.mark_logged, [2]).start()
    assert [frame.number for frame in next(follower)] == [1, 2]
    threading.Timer(0.05, stream.append, [_frame(4, "complete")]).start()
    assert [frame.number for frame in next(follower)] == [3, 4]


def test_those_who_follow_and_those_who_wait_are_sent_on_when_the_run_is_handed_over(alarm: Alarm) -> None:
    stream = EventStream(alarm)
    stream.append(_frame(1))
    before = time.monotonic()
    for ask in (lambda: list(stream.follow(1, heartbeat=5)), lambda: stream.wait(5)):
        stream.handed_over = False
        threading.Timer(0.05, stream.hand_over).start()
        assert not ask()
    assert time.monotonic() - before < 4


def test_a_follower_that_left_stays_in_nobodys_way(alarm: Alarm) -> None:
    stream = EventStream(alarm)
    stream.append(_frame(1))
    left, stays = stream.follow(heartbeat=0.05), stream.follow(1, heartbeat=5)
    next(left)
    left.close()
    threading.Timer(0.2, stream.append, [_frame(2, "complete")]).start()
    assert [len(batch) for batch in stays] == [1]


def test_times_are_those_of_the_clock() -> None:
    encoder = FrameEncoder(_run())
    for _ in range(3):
        before = utc_now().timestamp()
        stamp = orjson.loads(encoder.encode(Token("a"), 1).data)["timestamp"]
        assert len(stamp) == len("2026-01-31T12:00:00.123Z")
        assert before - 0.001 <= datetime.fromisoformat(stamp).timestamp() <= utc_now().timestamp()
        time.sleep(0.4)
