"""The contract suite for signals: on our own, on the fake of the test kit, and on some that break a promise."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agentos.execution.signals import Signals
from agentos.testing import SharedSignals, SignalsContract


class TestLocal(SignalsContract):
    """The default knows one worker; here all use that one."""

    @pytest.fixture
    def connect(self) -> Iterator[Callable[[], Signals]]:
        signals = Signals()
        yield lambda: signals
        signals.close()


class TestShared(SignalsContract):
    @pytest.fixture
    def connect(self) -> Iterator[Callable[[], Signals]]:
        shared = SharedSignals()
        made: list[Signals] = []

        def connect() -> Signals:
            made.append(shared.connect())
            return made[-1]

        yield connect
        for signals in made:
            signals.close()


class Network(list[Signals]):
    """Connects signals of one class."""

    def __init__(self, kind: Callable[["Network"], Signals]) -> None:
        self._kind = kind

    def __call__(self) -> Signals:
        self.append(self._kind(self))
        return self[-1]


class Member(Signals):
    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def notify(self, *topics: str) -> None:
        for one in self.network:
            one.wake(*topics)


class Alone(Member):
    """Publishes nothing."""

    def notify(self, *topics: str) -> None:
        self.wake(*topics)


class DeafToItself(Member):
    def notify(self, *topics: str) -> None:
        for one in self.network:
            if one is not self:
                one.wake(*topics)


class FirstOnly(Member):
    """Publishes one topic of a call."""

    def notify(self, *topics: str) -> None:
        super().notify(topics[0])


class Prefixes(Member):
    """Wakes more than it should."""

    def wake(self, *topics: str) -> None:
        super().wake(*[one for one in self._listeners for topic in topics if topic.startswith(one)])


class Blocking(Member):
    def notify(self, *topics: str) -> None:
        time.sleep(0.02)
        super().notify(*topics)


class Unclosed(Member):
    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("kind", "test"),
    [
        (Alone, "test_a_signal_wakes_what_waits_at_another_worker"),
        (Alone, "test_everything_that_listens_is_woken"),
        (DeafToItself, "test_a_signal_wakes_what_waits_at_the_same_worker"),
        (FirstOnly, "test_several_topics_are_one_call"),
        (Prefixes, "test_another_topic_wakes_nothing"),
        (Blocking, "test_signals_that_nothing_waits_for_cost_no_time"),
        (Unclosed, "test_closing_ends_the_waits"),
    ],
)
def test_signals_that_break_a_promise_fail_its_test(kind: Any, test: str) -> None:
    network, suite = Network(kind), SignalsContract()
    suite.soon = 0.5
    with pytest.raises(AssertionError):
        getattr(suite, test)(network)
    for signals in network:
        Signals.close(signals)


def test_while_the_shared_signals_are_silent_only_the_own_server_is_woken() -> None:
    shared = SharedSignals()
    here, there = shared.connect(), shared.connect()
    shared.silent = True
    with here.listen("run:1") as own, there.listen("run:1") as other:
        here.notify("run:1")
        assert own.wait(0)
        assert not other.wait(0.05)
        shared.silent = False
        here.notify("run:1")
        assert other.wait(1)
    here.close()
    there.close()
