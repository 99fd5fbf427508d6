"""Tests that the signals of every plugin should pass."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from agentos.execution.signals import Signals, Wakeup

AGAIN = 0.2
"""Seconds after which a signal is given again: one may be lost while a worker subscribes."""

QUICK = 1.0
"""Seconds in which a hundred calls of ``notify`` return: it is called by runs, which must not wait."""


class SignalsContract:
    """Derive a test class from it and give it the fixture ``connect``.

    ``connect()`` returns the signals of one more worker. All that it returns are connected with each other; the fixture
    closes them.

        class TestMine(SignalsContract):
            @pytest.fixture
            def connect(self):
                made = []
                def connect():
                    made.append(MySignals("redis://localhost/9", Config(environ={})))
                    return made[-1]
                yield connect
                for signals in made:
                    signals.close()
    """

    soon = 10.0
    """Seconds that a signal may take on a busy machine, with the time that a first subscription takes."""

    @pytest.fixture
    def connect(self) -> Callable[[], Signals]:
        """Return a function that makes the signals of a worker."""
        raise NotImplementedError("define the fixture 'connect'")

    def test_a_signal_wakes_what_waits_at_another_worker(self, connect: Callable[[], Signals]) -> None:
        """Without it, that worker finds out when it asks the database."""
        here, there = connect(), connect()
        with there.listen("run:1") as wakeup:
            assert self._is_woken(wakeup, lambda: here.notify("run:1"))

    def test_a_signal_wakes_what_waits_at_the_same_worker(self, connect: Callable[[], Signals]) -> None:
        """Call ``super().notify(*topics)``, or hear what you publish yourself."""
        here = connect()
        with here.listen("run:1") as wakeup:
            assert self._is_woken(wakeup, lambda: here.notify("run:1"))

    def test_everything_that_listens_is_woken(self, connect: Callable[[], Signals]) -> None:
        """A run may have many followers, at each worker."""
        workers = [connect(), connect()]
        with (
            workers[0].listen("run:1") as first,
            workers[0].listen("run:1") as second,
            workers[1].listen("run:1") as third,
        ):
            for wakeup in (first, second, third):
                assert self._is_woken(wakeup, lambda: workers[1].notify("run:1"))

    def test_several_topics_are_one_call(self, connect: Callable[[], Signals]) -> None:
        """The event log notifies all runs of a commit together."""
        here, there = connect(), connect()
        topics = [f"run:{number}" for number in range(50)]
        for topic in (topics[0], topics[-1]):
            with there.listen(topic) as wakeup:
                assert self._is_woken(wakeup, lambda: here.notify(*topics))

    @pytest.mark.parametrize("topic", ["session:a b/c?*[x]", "session:größe\u2028", "worker:host:17:" + "x" * 200])
    def test_a_topic_is_any_text(self, connect: Callable[[], Signals], topic: str) -> None:
        """Ids are chosen by clients, and a pattern of your server's is a plain text here."""
        here, there = connect(), connect()
        with there.listen(topic) as wakeup:
            assert self._is_woken(wakeup, lambda: here.notify(topic))

    def test_another_topic_wakes_nothing(self, connect: Callable[[], Signals]) -> None:
        """Each needless wake-up asks the database."""
        here, there = connect(), connect()
        with there.listen("run:1") as wakeup, there.listen("run:2") as other, there.listen("run:") as prefix:
            assert self._is_woken(wakeup, lambda: here.notify("run:1"))
            assert not other.wait(AGAIN)
            assert not prefix.wait(0)

    def test_a_signal_between_two_waits_is_kept(self, connect: Callable[[], Signals]) -> None:
        """Else a follower that is just reading the log would sleep through what comes next."""
        here = connect()
        with here.listen("run:1") as wakeup:
            assert self._is_woken(wakeup, lambda: here.notify("run:1"))
            while wakeup.wait(AGAIN):  # those that were given twice
                pass
            here.notify("run:1")
            deadline = time.monotonic() + self.soon
            while not wakeup.wait(0):
                assert time.monotonic() < deadline, "the signal was lost"
                threading.Event().wait(0.01)

    def test_a_wait_ends_in_time_without_a_signal(self, connect: Callable[[], Signals]) -> None:
        """What waits looks at the database then: nothing depends on signals."""
        with connect().listen("run:1") as wakeup:
            before = time.monotonic()
            assert not wakeup.wait(0.1)
            assert 0.09 <= time.monotonic() - before < self.soon

    def test_signals_that_nothing_waits_for_cost_no_time(self, connect: Callable[[], Signals]) -> None:
        """They are given by runs at work, after each commit. What takes long belongs into a thread of the plugin."""
        here = connect()
        before = time.monotonic()
        for number in range(100):
            here.notify(f"run:{number}", "session:1")
        assert time.monotonic() - before < QUICK

    def test_many_threads_may_use_them_at_once(self, connect: Callable[[], Signals]) -> None:
        """Each run has threads of its own."""
        here, there = connect(), connect()
        failures: list[str] = []

        def use(number: int) -> None:
            topic = f"run:{number % 4}"
            with there.listen(topic) as wakeup:
                if not self._is_woken(wakeup, lambda: here.notify(topic)):
                    failures.append(topic)

        threads = [threading.Thread(target=use, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(2 * self.soon)
        assert not any(thread.is_alive() for thread in threads)
        assert failures == []

    def test_closing_ends_the_waits(self, connect: Callable[[], Signals]) -> None:
        """Call ``super().close()``: a worker that ends waits for nothing."""
        here = connect()
        with here.listen("run:1") as wakeup:
            closing = threading.Timer(0.1, here.close)
            closing.start()
            before = time.monotonic()
            wakeup.wait(2 * self.soon)
            assert time.monotonic() - before < self.soon
            closing.join()

    def _is_woken(self, wakeup: Wakeup, notify: Callable[[], object]) -> bool:
        """Give a signal, and again if it was lost, until the wakeup wakes."""
        deadline = time.monotonic() + self.soon
        while time.monotonic() < deadline:
            notify()
            if wakeup.wait(AGAIN):
                return True
        return False
