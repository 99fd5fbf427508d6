"""Following a run's events in memory."""

import gc
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import datetime
from random import Random
from weakref import WeakSet

import orjson
import pytest

from agentos.domain.event import Complete, Error, Frame, RunStart, Token
from agentos.domain.run import Run, RunStatus
from agentos.domain.times import utc_now
from agentos.domain.usage import Usage
from agentos.events.encoder import FrameEncoder
from agentos.events.stream import EventStream
from agentos.timers import TimerHandle, TimerThread
from parts.waiting import until


@pytest.fixture
def timers() -> Iterator[TimerThread]:
    timers = TimerThread()
    yield timers
    timers.close()


@pytest.fixture
def busy_threads() -> Iterator[None]:
    """Let threads take turns so often that what is not done under one lock is seen half done."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def _frame(number: int, type: str = "token") -> Frame:
    return Frame(number, type, b"{}")


def test_a_follower_sees_what_was_there_and_what_comes_until_the_last_frame(timers: TimerThread) -> None:
    stream = EventStream(timers)
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


def test_a_follower_begins_after_the_number_that_it_names(timers: TimerThread) -> None:
    stream = EventStream(timers)
    for number in (1, 2, 3):
        stream.append(_frame(number))
    stream.append(_frame(4, "error"))
    assert [frame.number for batch in stream.follow(2, heartbeat=5) for frame in batch] == [3, 4]


def test_frames_that_are_there_together_come_together(timers: TimerThread) -> None:
    stream = EventStream(timers)
    for number in range(1, 51):
        stream.append(_frame(number))
    assert len(next(iter(stream.follow(heartbeat=5)))) == 50


def test_silence_yields_an_empty_batch_as_heartbeat(timers: TimerThread) -> None:
    stream = EventStream(timers)
    before = time.monotonic()
    assert next(iter(stream.follow(heartbeat=0.05))) == []
    assert time.monotonic() - before < 2


def test_waiting_for_the_end_is_bounded(timers: TimerThread) -> None:
    stream = EventStream(timers)
    assert stream.wait(0.01) is None
    stream.append(_frame(1, "complete"))
    assert stream.wait(0.01) == _frame(1, "complete")


def test_what_is_logged_is_not_offered_to_the_log_again(timers: TimerThread) -> None:
    stream = EventStream(timers)
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


@pytest.mark.parametrize("text", ["a", "line\nbreak\u2028\r", '"\\', "\U0001f600"])
def test_a_token_is_encoded_the_same_with_and_without_its_event(text: str) -> None:
    encoder = FrameEncoder(_run(session_id="s1"))
    frames = encoder.encode(Token(text, 3), 7), encoder.encode_token(text, 3, 7)
    envelopes = [{**orjson.loads(frame.data), "timestamp": None} for frame in frames]
    assert [frame[:2] for frame in frames] == [(7, "token")] * 2
    assert envelopes[0] == envelopes[1]


def test_only_complete_and_error_are_last() -> None:
    encoder = FrameEncoder(_run())
    ends = [Complete("", 0.1, Usage(), 0, 1), Error("e", "m", "C")]
    assert [encoder.encode(event, 1).last for event in [RunStart(""), Token("a"), *ends]] == [False, False, True, True]


class CountingTimers(TimerThread):
    calls = 0

    def call_at(self, moment: float, function: Callable[[], object]) -> TimerHandle:
        self.calls += 1
        return super().call_at(moment, function)


def test_a_follower_needs_one_timer_however_many_frames_come() -> None:
    timers = CountingTimers()
    stream = EventStream(timers)
    follower = stream.follow(heartbeat=100)
    for number in range(1, 101):
        threading.Timer(0, stream.append, [_frame(number)]).start()
        assert [frame.number for frame in next(follower)] == [number]
    stream.append(_frame(101, "complete"))
    assert [len(batch) for batch in follower] == [1]
    assert timers.calls == 1
    timers.close()


def test_heartbeats_come_in_each_silence_and_never_between_frames(timers: TimerThread) -> None:
    stream = EventStream(timers)
    stream.append(_frame(1))
    follower = stream.follow(heartbeat=0.1)
    assert [len(next(follower)) for _ in range(3)] == [1, 0, 0]
    threading.Timer(0.05, stream.append, [_frame(2)]).start()
    before = time.monotonic()
    assert [len(next(follower)) for _ in range(2)] == [1, 0]
    assert 0.14 <= time.monotonic() - before < 1


def test_frames_that_are_added_together_reach_who_waits_together(timers: TimerThread, busy_threads: None) -> None:
    stream = EventStream(timers)
    follower = stream.follow(heartbeat=5)
    frames = [_frame(number) for number in range(1, 5001)]
    threading.Timer(0.05, stream.extend, [frames]).start()
    assert len(next(follower)) == 5000


def test_all_followers_and_the_log_share_what_was_encoded_once(timers: TimerThread) -> None:
    stream = EventStream(timers)
    encoder = FrameEncoder(_run())
    stream.extend([encoder.encode(Token("a", index), index + 1) for index in range(10)])
    shared = [*(next(stream.follow(heartbeat=5)) for _ in range(3)), stream.unlogged()]
    for frames in shared:
        assert [id(frame.data) for frame in frames] == [id(frame.data) for frame in shared[0]]


def test_who_follows_a_durable_stream_is_woken_by_the_log_alone(timers: TimerThread) -> None:
    stream = EventStream(timers, durable=True)
    stream.extend([_frame(1), _frame(2), _frame(3)])
    follower = stream.follow(heartbeat=5)
    threading.Timer(0.05, stream.mark_logged, [2]).start()
    assert [frame.number for frame in next(follower)] == [1, 2]
    threading.Timer(0.05, stream.append, [_frame(4, "complete")]).start()
    assert [frame.number for frame in next(follower)] == [3, 4]


def test_those_who_follow_and_those_who_wait_are_sent_on_when_the_run_is_handed_over(timers: TimerThread) -> None:
    stream = EventStream(timers)
    stream.append(_frame(1))
    before = time.monotonic()
    for ask in (lambda: list(stream.follow(1, heartbeat=5)), lambda: stream.wait(5)):
        stream.redirected_to_log = False
        threading.Timer(0.05, stream.redirect_to_log).start()
        assert not ask()
    assert time.monotonic() - before < 4


def test_a_follower_that_left_stays_in_nobodys_way(timers: TimerThread) -> None:
    stream = EventStream(timers)
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


# --- what the log has ----------------------------------------------------------------------------------------------


def _tokens(first: int, last: int) -> list[Frame]:
    return [_frame(number) for number in range(first, last + 1)]


def _logged(stream: EventStream, count: int) -> None:
    """Have a stream grow by some frames, and the log write them."""
    stream.extend(_tokens(stream.next_number, stream.next_number + count - 1))
    stream.mark_logged(stream.next_number - 1)


def _drained(follower: Generator[Sequence[Frame], None, int]) -> tuple[list[int], int]:
    """Read to the end; return the numbers that came, and the one that is returned."""
    seen: list[int] = []
    while True:
        try:
            seen += [frame.number for frame in next(follower)]
        except StopIteration as end:
            return seen, end.value


def test_what_the_log_has_had_for_one_more_group_is_gone(timers: TimerThread) -> None:
    stream = EventStream(timers)
    _logged(stream, 10)
    assert stream.retains(0)
    _logged(stream, 5)
    assert [after for after in range(16) if stream.retains(after)] == [10, 11, 12, 13, 14, 15]
    for after in (0, 9):
        assert _drained(stream.follow(after, heartbeat=5)) == ([], after)
    stream.append(_frame(16, "complete"))
    assert _drained(stream.follow(9, heartbeat=5)) == ([], 9)
    assert _drained(stream.follow(10, heartbeat=5)) == ([11, 12, 13, 14, 15, 16], 16)


def test_what_is_gone_takes_no_memory(timers: TimerThread) -> None:
    class Data:
        """Something that says when nobody has it any more, which bytes do not."""

    stream = EventStream(timers)
    kept: WeakSet[Data] = WeakSet()
    for group in range(10):
        data = [Data() for _ in range(100)]
        kept.update(data)
        stream.extend([Frame(100 * group + place, "token", one) for place, one in enumerate(data, 1)])  # type: ignore[arg-type]
        del data
        stream.mark_logged(100 * (group + 1))
    gc.collect()
    assert len(kept) <= 200


def test_what_the_log_does_not_have_stays_however_much_it_is(timers: TimerThread) -> None:
    stream = EventStream(timers)
    stream.extend(_tokens(1, 5000))
    for _ in range(3):
        stream.mark_logged(7)  # the log has gone no further
    stream.append(_frame(5001, "complete"))
    assert _drained(stream.follow(7, heartbeat=5)) == (list(range(8, 5002)), 5001)
    assert [frame.number for frame in stream.unlogged()] == list(range(8, 5002))


def test_numbers_go_on_without_a_gap_when_earlier_frames_are_gone(timers: TimerThread) -> None:
    stream = EventStream(timers)
    follower = stream.follow(heartbeat=5)
    seen: list[int] = []
    for group in range(1, 20):
        stream.extend(_tokens(stream.next_number, stream.next_number + group))
        seen += [frame.number for frame in next(follower)]
        offered = [frame.number for frame in stream.unlogged()]
        assert offered == seen[-len(offered) :]
        stream.mark_logged(offered[-1])
    assert seen == list(range(1, stream.next_number))


def test_a_stream_goes_on_after_what_the_log_has_of_an_earlier_attempt(timers: TimerThread) -> None:
    stream = EventStream(timers, logged=7)
    assert stream.next_number == 8
    assert (stream.retains(6), stream.retains(7)) == (False, True)
    assert _drained(stream.follow(heartbeat=5)) == ([], 0)
    stream.append(_frame(8))
    assert [frame.number for frame in stream.unlogged()] == [8]
    stream.append(_frame(9, "complete"))
    assert _drained(stream.follow(7, heartbeat=5)) == ([8, 9], 9)


# --- direct delivery -----------------------------------------------------------------------------------------------


class Letterbox:
    """Takes all that is delivered."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def __call__(self, frames: Sequence[Frame]) -> bool:
        self.frames += frames
        return True


class Receiver:
    """Follows in a thread of its own, as a connection does, and keeps what came, in order, and how.

    ``takes`` says whether it takes what is delivered. ``log`` is where it reads on when the stream has let go of what
    it has not seen.
    """

    def __init__(
        self,
        stream: EventStream,
        takes: Callable[[], bool] = lambda: True,
        *,
        after: int = 0,
        heartbeat: float = 20,
        log: Sequence[Frame] = (),
    ) -> None:
        self.came: list[tuple[str, list[int]]] = []
        self._after = after
        self._stream = stream
        self._takes = takes
        self._heartbeat = heartbeat
        self._log = log
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        after = self._after
        while True:
            follower = self._stream.follow(after, heartbeat=self._heartbeat, sink=self._deliver)
            while True:
                try:
                    self._note("yielded", next(follower))
                except StopIteration as end:
                    after = end.value
                    break
            if self._stream.retains(after):
                return
            missed = self._log[after:]
            self._note("read", missed)
            after = missed[-1].number

    def _deliver(self, frames: Sequence[Frame]) -> bool:
        taken = self._takes()
        self._note("delivered" if taken else "refused", frames)
        return taken

    def _note(self, how: str, frames: Sequence[Frame]) -> None:
        if frames:
            self.came.append((how, [frame.number for frame in frames]))

    @property
    def delivered(self) -> bool:
        return any(how == "delivered" for how, _ in self.came)

    @property
    def seen(self) -> list[int]:
        return [number for how, numbers in list(self.came) if how != "refused" for number in numbers]

    def waits(self) -> None:
        """Add frames until one is delivered; from then on it waits."""

        def is_delivered() -> bool:
            if not self.delivered and len(self.seen) == self._stream.next_number - 1:
                self._stream.append(_frame(self._stream.next_number))
                self._stream.mark_logged(self._stream.next_number - 1)
            return self.delivered

        until(is_delivered)
        self.came.clear()

    def all(self) -> list[int]:
        """Return what it has seen when it has come to the end."""
        self._thread.join(20)
        assert not self._thread.is_alive(), "following did not end"
        return self.seen


def test_who_follows_is_delivered_to_only_while_it_waits(timers: TimerThread) -> None:
    stream = EventStream(timers)
    stream.append(_frame(1))
    letterbox = Letterbox()
    follower = stream.follow(heartbeat=0.05, sink=letterbox)
    assert len(next(follower)) == 1
    stream.append(_frame(2))  # the reader is busy with the first
    assert [frame.number for frame in next(follower)] == [2]
    assert next(follower) == []  # it waited, and now says that it is alive
    stream.append(_frame(3))
    assert [frame.number for frame in next(follower)] == [3]
    assert letterbox.frames == []


def test_what_is_added_together_is_delivered_together_and_once(timers: TimerThread) -> None:
    stream = EventStream(timers)
    receiver = Receiver(stream)
    receiver.waits()
    first = stream.next_number
    stream.extend(_tokens(first, first + 99))
    stream.extend(_tokens(first + 100, first + 100))
    assert receiver.came == [("delivered", list(range(first, first + 100))), ("delivered", [first + 100])]
    stream.append(_frame(first + 101, "complete"))
    assert receiver.all() == list(range(first, first + 102))


def test_what_is_not_taken_is_yielded(timers: TimerThread) -> None:
    stream = EventStream(timers)
    taking = True
    receiver = Receiver(stream, lambda: taking)
    receiver.waits()
    taking = False
    first = stream.next_number
    stream.extend(_tokens(first, first + 2))
    until(lambda: len(receiver.came) == 2)
    assert receiver.came == [("refused", [first, first + 1, first + 2]), ("yielded", [first, first + 1, first + 2])]


@pytest.mark.parametrize("durable", [False, True])
def test_the_last_frame_is_yielded_with_what_comes_together_with_it(timers: TimerThread, durable: bool) -> None:
    stream = EventStream(timers, durable=durable)
    receiver = Receiver(stream)
    receiver.waits()
    first = stream.next_number
    stream.extend([_frame(first), _frame(first + 1, "complete")])
    assert receiver.all() == [first, first + 1]
    assert receiver.came == [("yielded", [first, first + 1])]


def test_heartbeats_come_in_a_silence_and_not_while_something_is_delivered(timers: TimerThread) -> None:
    heartbeat = 0.1
    stream = EventStream(timers)
    stream.append(_frame(1))
    spoke = [0.0]
    delivered = 0

    def deliver(frames: Sequence[Frame]) -> bool:
        nonlocal delivered
        delivered += len(frames)
        spoke.append(time.monotonic())
        return True

    def speak() -> None:
        for number in range(2, 42):
            time.sleep(0.01)
            stream.append(_frame(number))
        time.sleep(3 * heartbeat)
        stream.append(_frame(42, "complete"))

    speaker = threading.Thread(target=speak)
    speaker.start()
    heartbeats = 0
    for batch in stream.follow(heartbeat=heartbeat, sink=deliver):
        if not batch:
            heartbeats += 1
            assert time.monotonic() - spoke[-1] > 0.9 * heartbeat
        spoke.append(time.monotonic())
    speaker.join()
    assert delivered > 0
    assert heartbeats >= 1


def test_who_was_closed_is_not_delivered_to(timers: TimerThread) -> None:
    stream = EventStream(timers)
    stream.append(_frame(1))
    letterbox = Letterbox()
    follower = stream.follow(heartbeat=5, sink=letterbox)
    next(follower)
    follower.close()
    stream.append(_frame(2))
    assert letterbox.frames == []


def test_who_is_thrown_out_while_it_waits_is_not_delivered_to(timers: TimerThread) -> None:
    class ThrownOut(Exception):
        pass

    def throw(number: int, frame: object) -> None:
        raise ThrownOut

    stream = EventStream(timers)
    letterbox = Letterbox()
    handler = signal.signal(signal.SIGUSR1, throw)

    def wait() -> None:
        threading.Timer(0.1, signal.pthread_kill, [threading.get_ident(), signal.SIGUSR1]).start()
        next(stream.follow(heartbeat=20, sink=letterbox))

    try:
        with pytest.raises(ThrownOut):
            wait()
    finally:
        signal.signal(signal.SIGUSR1, handler)
    stream.append(_frame(1))
    assert letterbox.frames == []


def test_of_a_durable_stream_only_what_the_log_has_is_delivered(timers: TimerThread) -> None:
    stream = EventStream(timers, durable=True)
    receiver = Receiver(stream)
    receiver.waits()
    first = stream.next_number
    stream.extend(_tokens(first, first + 2))
    assert receiver.came == []
    stream.mark_logged(first + 1)
    assert receiver.came == [("delivered", [first, first + 1])]
    stream.append(_frame(first + 3))
    stream.mark_logged(first + 3)
    assert receiver.came[1:] == [("delivered", [first + 2, first + 3])]


def test_who_asks_for_what_is_far_ahead_is_not_given_what_comes_before(timers: TimerThread) -> None:
    stream = EventStream(timers)
    receiver = Receiver(stream, after=10)
    for number in range(1, 10):
        stream.append(_frame(number))
        time.sleep(0.01)
    stream.extend(_tokens(10, 12))
    stream.append(_frame(13, "complete"))
    assert receiver.all() == [11, 12, 13]


@pytest.mark.parametrize("durable", [False, True])
def test_each_frame_comes_once_and_in_order_whatever_is_refused_and_whatever_is_gone(
    timers: TimerThread, busy_threads: None, durable: bool
) -> None:
    count = 3000
    stream = EventStream(timers, durable=durable)
    log: list[Frame] = []
    random = Random(5)
    receivers = [
        Receiver(stream, lambda part=part: random.random() < part, heartbeat=heartbeat, log=log)  # type: ignore[misc]
        for part, heartbeat in ((0.0, 0.001), (0.5, 0.001), (0.5, 20), (0.9, 20), (1.0, 0.001))
    ]

    def write_log() -> None:
        while stream.last is None:
            if frames := stream.unlogged():
                log.extend(frames)
                stream.mark_logged(len(log))
            time.sleep(random.choice((0, 0.001)))

    writer = threading.Thread(target=write_log, daemon=True)
    writer.start()
    while stream.next_number < count:
        stream.extend(_tokens(stream.next_number, min(count - 1, stream.next_number + random.randrange(4))))
        time.sleep(random.choice((0, 0.0005)))
    stream.append(_frame(count, "complete"))
    writer.join()

    for receiver in receivers:
        assert receiver.all() == list(range(1, count + 1))
    assert any(how == "delivered" for how, _ in receivers[-1].came)
