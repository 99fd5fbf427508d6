"""Signals between threads of a worker: none is lost between two waits, and unused topics take no memory."""

import gc
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import count

import pytest

from agentos.execution.listening_thread import ListeningThread
from agentos.execution.signals import GuardedSignals, Signals, Wakeup, repeated
from agentos.timers import TimerThread
from parts.waiting import until


@pytest.fixture
def signals() -> Iterator[Signals]:
    signals = Signals()
    yield signals
    signals.close()


def waited(wakeup: Wakeup, seconds: float) -> tuple[bool, float]:
    before = time.monotonic()
    woken = wakeup.wait(seconds)
    return woken, time.monotonic() - before


def test_a_signal_ends_the_wait_for_its_topic_at_once(signals: Signals) -> None:
    with signals.listen("run:1") as wakeup:
        threading.Timer(0.1, signals.notify, ["run:2", "run:1"]).start()
        woken, seconds = waited(wakeup, 10)
        assert woken
        assert 0.09 < seconds < 2


def test_a_wait_without_a_signal_ends_after_its_time(signals: Signals) -> None:
    with signals.listen("run:1") as wakeup:
        signals.notify("run:2")
        woken, seconds = waited(wakeup, 0.1)
        assert not woken
        assert 0.09 < seconds < 2
        assert waited(wakeup, 0)[1] < 0.05
        assert waited(wakeup, -1)[1] < 0.05


def test_a_signal_between_two_waits_ends_the_next_and_no_other(signals: Signals) -> None:
    with signals.listen("run:1") as wakeup:
        for _ in range(3):
            signals.notify("run:1")
        assert wakeup.wait(10)
        assert not wakeup.wait(0.05)
        signals.notify("run:1")
        assert wakeup.wait(0)


def test_no_signal_is_lost_however_threads_take_turns(signals: Signals) -> None:
    """A counter goes up before each signal; the one that listens has to see its last value without a time limit."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    given, most = 0, 20_000

    def give() -> None:
        nonlocal given
        for _ in range(most):
            given += 1
            signals.notify("run:1")

    try:
        with signals.listen("run:1") as wakeup:
            giver = threading.Thread(target=give)
            giver.start()
            while given < most:
                before = given
                if not wakeup.wait(5):
                    assert given == before, "it changed, and no signal came"
                    break
            giver.join()
            assert given == most
    finally:
        sys.setswitchinterval(interval)


class Raced(Wakeup):
    """A wakeup that a signal reaches right after its flag was read for the second time, which is when a wait ends."""

    reads = 0
    flag = False

    @property  # type: ignore[override]
    def _woken(self) -> bool:
        flag, self.reads = self.flag, self.reads + 1
        self.flag |= self.reads == 2
        return flag

    @_woken.setter
    def _woken(self, flag: bool) -> None:
        self.flag = flag


def test_a_signal_that_comes_while_a_wait_ends_is_for_the_next(signals: Signals) -> None:
    wakeup = Raced(signals)
    assert not wakeup.wait(0)
    assert wakeup.wait(0)
    assert not wakeup.wait(0)


def test_waits_take_timers_of_one_thread(signals: Signals) -> None:
    before = threading.active_count()
    wakeups = 50

    def wait() -> None:
        with signals.listen("run:1") as wakeup:
            wakeup.wait(20)

    threads = [threading.Thread(target=wait) for _ in range(wakeups)]
    for thread in threads:
        thread.start()
    until(lambda: len(signals._listeners.get("run:1", ())) == wakeups)
    assert threading.active_count() <= before + wakeups + 1
    signals.notify("run:1")
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()


def test_topics_that_nothing_waits_for_take_no_memory(signals: Signals) -> None:
    for number in range(1000):
        signals.notify(f"run:{number}")
        with signals.listen(f"session:{number}") as wakeup:
            wakeup.wake()
    assert signals._listeners == {}
    del wakeup
    gc.collect()
    assert not [one for one in gc.get_objects() if isinstance(one, Wakeup) and one._signals is signals]


def test_the_other_listeners_of_a_topic_stay_when_one_leaves(signals: Signals) -> None:
    with signals.listen("run:1") as stays:
        with signals.listen("run:1"):
            pass
        signals.notify("run:1")
        assert stays.wait(0)


def test_who_listens_may_raise(signals: Signals) -> None:
    with pytest.raises(RuntimeError), signals.listen("run:1"):
        raise RuntimeError
    assert signals._listeners == {}


def test_closing_ends_the_waits_and_later_ones_still_end_in_time(signals: Signals) -> None:
    with signals.listen("run:1") as wakeup:
        threading.Timer(0.1, signals.close).start()
        assert waited(wakeup, 20)[1] < 5
        until(lambda: signals.closed)
        wakeup.wait(0)
        woken, seconds = waited(wakeup, 0.1)
        assert not woken
        assert 0.09 < seconds < 2


MANY = """
from gevent import monkey; monkey.patch_all()
import threading, time
from agentos.execution.signals import Signals

signals, ready, woken = Signals(), [], []

def wait(number):
    with signals.listen(f"run:{number}") as wakeup:
        ready.append(number)
        while not wakeup.wait(0.5):
            pass
        woken.append(number)

threads = [threading.Thread(target=wait, args=(number,)) for number in range(2000)]
for one in threads: one.start()
while len(ready) < 2000: time.sleep(0.01)
time.sleep(0.7)  # each has waited again
before = time.monotonic()
for number in range(0, 2000, 10):
    signals.notify(*[f"run:{one}" for one in range(number, number + 10)])
for one in threads: one.join(10)
assert sorted(woken) == list(range(2000)), len(woken)
assert not signals._listeners
print(time.monotonic() - before)
"""


def test_in_a_cooperative_worker_thousands_wait_and_are_woken() -> None:
    done = subprocess.run([sys.executable, "-c", MANY], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 3


# --- threads that listen -------------------------------------------------------------------------------------------


@pytest.fixture
def worked() -> list[float]:
    return []


@pytest.fixture
def listening(signals: Signals, worked: list[float]) -> Iterator[Callable[[float], ListeningThread]]:
    made: list[ListeningThread] = []

    def make(seconds: float) -> ListeningThread:
        work = lambda: worked.append(time.monotonic())  # noqa: E731
        thread = ListeningThread(
            signals, "worker:1", "work", work, seconds, logger=logging.getLogger(__name__), failure="failed"
        )
        made.append(thread)
        thread.start()
        return thread

    yield make
    for thread in made:
        thread.close()


def test_a_thread_that_listens_works_at_its_interval_and_with_each_signal(
    signals: Signals, listening: Callable[[float], ListeningThread], worked: list[float]
) -> None:
    listening(0.05)
    until(lambda: len(worked) >= 3)
    assert worked[2] - worked[0] >= 0.09


def test_a_thread_that_listens_is_called_by_a_signal_long_before_its_time(
    signals: Signals, listening: Callable[[float], ListeningThread], worked: list[float]
) -> None:
    listening(60)
    until(lambda: signals._listeners)
    for number in (1, 2):
        signals.notify("worker:1")
        until(lambda number=number: len(worked) == number, 5)  # type: ignore[misc]


def test_a_thread_that_listens_ends_at_once(
    signals: Signals, listening: Callable[[float], ListeningThread], worked: list[float]
) -> None:
    thread = listening(60)
    until(lambda: signals._listeners)
    thread.close()
    until(lambda: not signals._listeners, 5)
    assert worked == []


# --- signals of plugins, which may raise anything ------------------------------------------------------------------


class Broken(Signals):
    """Every method raises. ``closing`` does so before it has closed anything."""

    def notify(self, *topics: str) -> None:
        raise RuntimeError("no connection")

    def listen(self, topic: str) -> AbstractContextManager[Wakeup]:
        raise RuntimeError("no connection")

    def close(self) -> None:
        raise RuntimeError("no connection")


class BrokenAtTheEnd(Signals):
    """A subscription that cannot be ended."""

    def listen(self, topic: str) -> AbstractContextManager[Wakeup]:
        return BrokenSubscription(super().listen(topic))


class BrokenSubscription(AbstractContextManager[Wakeup]):
    def __init__(self, listening: AbstractContextManager[Wakeup]) -> None:
        self._listening = listening

    def __enter__(self) -> Wakeup:
        return self._listening.__enter__()

    def __exit__(self, *_: object) -> None:
        self._listening.__exit__(None, None, None)
        raise RuntimeError("no connection")


@pytest.mark.parametrize("broken", [Broken, BrokenAtTheEnd])
def test_signals_of_a_plugin_that_fail_still_wake_the_worker_itself(
    broken: type[Signals], caplog: pytest.LogCaptureFixture
) -> None:
    repeated.forget()
    signals = GuardedSignals(broken(), "redis")
    with signals.listen("run:1") as wakeup:
        signals.notify("run:1")
        assert wakeup.wait(0)
        assert not wakeup.wait(0.01)
    signals.close()
    assert signals.closed
    failures = [vars(record) for record in caplog.records if "signals of a plugin failed" in record.message]
    assert failures
    assert {one["plugin"] for one in failures} == {"redis"}


def test_closing_the_signals_of_a_broken_plugin_ends_the_waits() -> None:
    signals = GuardedSignals(Broken(), "redis")
    with signals.listen("run:1") as wakeup:
        threading.Timer(0.1, signals.close).start()
        assert waited(wakeup, 20)[1] < 5


def test_the_signals_of_a_plugin_are_closed_once() -> None:
    class Counted(Signals):
        closings = 0

        def close(self) -> None:
            self.closings += 1
            super().close()

    given = Counted()
    signals = GuardedSignals(given, "redis")
    for _ in range(2):
        signals.close()
    assert given.closings == 1


def test_a_plugin_that_fails_all_the_time_fills_no_log(caplog: pytest.LogCaptureFixture) -> None:
    repeated.forget()
    signals = GuardedSignals(Broken(), "redis")
    for _ in range(1000):
        signals.notify("run:1")
    assert len(caplog.records) == 1


class Forgetful(Signals):
    def __init__(self) -> None:
        """Leave the base class as it is."""


@pytest.mark.parametrize("given", [object(), None, Forgetful()])
def test_what_a_plugin_gives_for_signals_is_checked(given: Signals) -> None:
    with pytest.raises(TypeError, match=r"plugin 'redis' .* accepted: an object of a subclass of agentos.Signals"):
        GuardedSignals(given, "redis")


def test_what_is_raised_where_a_thread_listens_is_not_the_plugins() -> None:
    signals = GuardedSignals(Signals(), "redis")
    with pytest.raises(ZeroDivisionError), signals.listen("run:1"):
        raise ZeroDivisionError
    assert signals._signals._listeners == {}
    signals.close()


def test_the_worker_and_the_plugin_share_the_timers() -> None:
    given = Signals()
    signals = GuardedSignals(given, "redis")
    assert isinstance(signals.timers, TimerThread)
    assert signals.timers is given.timers
    signals.close()


def test_signals_cost_little_where_nothing_listens(signals: Signals) -> None:
    started = time.perf_counter()
    for number in count():
        if number == 10_000:
            break
        signals.notify("run:1", "session:1")
    assert time.perf_counter() - started < 0.5
