"""Calling functions at their time."""

import threading
import time
import weakref
from collections.abc import Iterator

import pytest

from agentos.timers import FEW, IdleTimer, TimerThread
from parts.waiting import until


@pytest.fixture
def timers() -> Iterator[TimerThread]:
    timers = TimerThread()
    yield timers
    timers.close()


def test_functions_are_called_in_the_order_of_their_times(timers: TimerThread) -> None:
    called: list[str] = []
    done = threading.Event()
    now = time.monotonic()
    timers.call_at(now + 0.15, done.set)
    timers.call_at(now + 0.1, lambda: called.append("second"))
    timers.call_at(now + 0.05, lambda: called.append("first"))
    assert done.wait(5)
    assert called == ["first", "second"]
    assert time.monotonic() >= now + 0.15


def test_a_cancelled_one_is_not_called_and_the_others_are(timers: TimerThread) -> None:
    called: list[int] = []
    done = threading.Event()
    now = time.monotonic()
    calls = [timers.call_at(now + 0.05, lambda n=n: called.append(n)) for n in range(10)]
    for call in calls[::2]:
        call.cancel()
    timers.call_at(now + 0.1, done.set)
    assert done.wait(5)
    assert called == [1, 3, 5, 7, 9]


def test_one_that_raises_does_not_stop_the_next(timers: TimerThread, caplog: pytest.LogCaptureFixture) -> None:
    done = threading.Event()

    def fail() -> None:
        raise RuntimeError("timer")

    now = time.monotonic()
    timers.call_at(now, fail)
    timers.call_at(now + 0.02, done.set)
    assert done.wait(5)
    assert "a timer failed" in caplog.text


def test_many_cancelled_ones_are_forgotten(timers: TimerThread) -> None:
    later = time.monotonic() + 1000
    for _ in range(1000):
        timers.call_at(later, time.sleep).cancel()  # type: ignore[arg-type]
    assert len(timers._due) <= FEW + 1


def test_a_cancelled_one_holds_nothing_and_neither_does_one_that_was_called(timers: TimerThread) -> None:
    class Heavy:
        def __init__(self) -> None:
            self.called = threading.Event()

        def ring(self) -> None:
            self.called.set()

    cancelled, called = Heavy(), Heavy()
    heavy = [weakref.ref(cancelled), weakref.ref(called)]
    timers.call_at(time.monotonic() + 1000, cancelled.ring).cancel()
    timers.call_at(time.monotonic(), called.ring)
    assert called.called.wait(5)
    del cancelled, called
    until(lambda: [one() for one in heavy] == [None, None])


def test_an_earlier_one_is_called_in_time_while_the_thread_sleeps_until_a_later_one(timers: TimerThread) -> None:
    done = threading.Event()
    timers.call_at(time.monotonic() + 1000, time.sleep)  # type: ignore[arg-type]
    time.sleep(0.05)
    timers.call_at(time.monotonic() + 0.05, done.set)
    assert done.wait(5)


def test_an_idle_timer_calls_again_and_again_but_not_while_it_is_reset(timers: TimerThread) -> None:
    told: list[float] = []
    idle = IdleTimer(timers, 0.2, lambda: told.append(time.monotonic()))
    for _ in range(20):
        time.sleep(0.02)
        idle.reset()
    broken = time.monotonic()
    assert not idle.expired
    assert told == []
    until(lambda: len(told) == 2)
    assert told[0] - broken >= 0.19
    assert told[1] - told[0] >= 0.19
    idle.cancel()
    time.sleep(0.3)
    assert len(told) == 2
