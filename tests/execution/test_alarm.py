"""Calling functions at their time."""

import threading
import time
from collections.abc import Iterator

import pytest

from agentos.execution.alarm import Alarm


@pytest.fixture
def alarm() -> Iterator[Alarm]:
    alarm = Alarm()
    yield alarm
    alarm.close()


def test_functions_are_called_in_the_order_of_their_times(alarm: Alarm) -> None:
    called: list[str] = []
    done = threading.Event()
    now = time.monotonic()
    alarm.call_at(now + 0.15, done.set)
    alarm.call_at(now + 0.1, lambda: called.append("second"))
    alarm.call_at(now + 0.05, lambda: called.append("first"))
    assert done.wait(5)
    assert called == ["first", "second"]
    assert time.monotonic() >= now + 0.15


def test_a_cancelled_one_is_not_called_and_the_others_are(alarm: Alarm) -> None:
    called: list[int] = []
    done = threading.Event()
    now = time.monotonic()
    tickets = [alarm.call_at(now + 0.05, lambda n=n: called.append(n)) for n in range(10)]
    for ticket in tickets[::2]:
        alarm.cancel(ticket)
    alarm.call_at(now + 0.1, done.set)
    assert done.wait(5)
    assert called == [1, 3, 5, 7, 9]


def test_one_that_raises_does_not_stop_the_next(alarm: Alarm, caplog: pytest.LogCaptureFixture) -> None:
    done = threading.Event()

    def fail() -> None:
        raise RuntimeError("alarm")

    now = time.monotonic()
    alarm.call_at(now, fail)
    alarm.call_at(now + 0.02, done.set)
    assert done.wait(5)
    assert "an alarm failed" in caplog.text


def test_many_cancelled_ones_are_forgotten(alarm: Alarm) -> None:
    later = time.monotonic() + 1000
    for _ in range(1000):
        alarm.cancel(alarm.call_at(later, time.sleep))  # type: ignore[arg-type]
    assert len(alarm._due) < 10
