"""Calling a function every few seconds."""

import logging
import threading
import time

import pytest

from agentos.errors import StorageError
from agentos.periodic_thread import PeriodicThread
from parts.waiting import until

logger = logging.getLogger(__name__)


def test_it_calls_until_it_is_closed_and_starts_once() -> None:
    calls: list[threading.Thread] = []
    thread = PeriodicThread(
        "t", lambda: calls.append(threading.current_thread()), 0.01, logger=logger, failure="failed"
    )
    thread.close()  # not started: nothing to wait for

    thread = PeriodicThread(
        "t", lambda: calls.append(threading.current_thread()), 0.01, logger=logger, failure="failed"
    )
    thread.start()
    thread.start()
    until(lambda: len(calls) >= 3)
    thread.close()
    called = len(calls)
    time.sleep(0.05)

    assert len(set(calls)) == 1
    assert len(calls) == called
    assert not calls[0].is_alive()


def test_neither_the_database_nor_a_bug_ends_it(caplog: pytest.LogCaptureFixture) -> None:
    raised = iter([StorageError("away"), StorageError("still away"), RuntimeError("a bug")])
    done = threading.Event()

    def work() -> None:
        for error in raised:
            raise error
        done.set()

    thread = PeriodicThread("t", work, 0.01, logger=logger, failure="could not; trying again")
    thread.start()
    assert done.wait(5)
    thread.close()

    assert [record.getMessage() for record in caplog.records] == ["could not; trying again", "the thread 't' met a bug"]


def test_after_a_failure_of_the_database_it_tries_again_sooner() -> None:
    raised = iter([StorageError("away")])
    done = threading.Event()

    def work() -> None:
        for error in raised:
            raise error
        done.set()

    thread = PeriodicThread("t", work, 1000, logger=logger, failure="failed", at_once=True, retry=0.01)
    thread.start()
    assert done.wait(5)
    thread.close()


def test_while_it_is_idle_it_sleeps_and_when_it_is_woken_it_waits_one_pause() -> None:
    idle = threading.Event()
    idle.set()
    called: list[float] = []
    thread = PeriodicThread(
        "t", lambda: called.append(time.monotonic()), 0.05, logger=logger, failure="failed", idle=idle.is_set
    )
    thread.start()
    time.sleep(0.15)
    assert called == []

    idle.clear()
    woken = time.monotonic()
    thread.wake()
    until(lambda: len(called) >= 1)
    assert called[0] - woken >= 0.045
    thread.close()
