"""Tests that every executor of background runs should pass."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from agentos.errors import RateLimited
from agentos.execution.executor import Executor, Slot

SOON = 10.0
"""Seconds that work may take to begin, on a busy machine."""

MOST = 10_000
"""Slots that are taken to find an executor's limit."""


class ExecutorContract:
    """Derive a test class from it and give it the fixture ``executor``.

    It has room for two runs at least, under way or waiting.

        class TestMine(ExecutorContract):
            @pytest.fixture
            def executor(self):
                return MyExecutor(Config(environ={}))
    """

    @pytest.fixture
    def executor(self) -> Executor:
        """Return the executor under test, with all its slots free."""
        raise NotImplementedError("define the fixture 'executor'")

    def test_work_is_executed_once(self, executor: Executor) -> None:
        """An accepted run is executed, and never twice."""
        executed: list[str] = []
        ended = threading.Event()

        def work() -> None:
            executed.append("run")
            ended.set()

        executor.reserve().execute("run", work)
        assert ended.wait(SOON)
        assert not threading.Event().wait(0.1)
        assert executed == ["run"]

    def test_the_caller_does_not_wait_for_the_work(self, executor: Executor) -> None:
        """The client's answer, a 202, comes while the run is under way."""
        release, ended = threading.Event(), threading.Event()

        def work() -> None:
            if release.wait(SOON):
                ended.set()

        executor.reserve().execute("run", work)
        assert not ended.is_set()  # were the work done by now, it could not have been released
        release.set()
        assert ended.wait(SOON)

    def test_a_released_slot_is_free_again(self, executor: Executor) -> None:
        """A run that is refused after its slot was taken gives it back."""
        for _ in range(MOST // 10):
            executor.reserve().release()

    def test_an_ended_run_gives_its_slot_back(self, executor: Executor) -> None:
        """Otherwise the worker would take no more runs after some time."""
        free = len(_all_of(executor))
        if free >= MOST:
            pytest.skip(f"the executor has no limit, or one of more than {MOST} runs")
        ended = threading.Barrier(2)
        executor.reserve().execute("run", lambda: _pass(ended))
        _pass(ended)
        given_back = threading.Event()
        for _ in range(int(SOON / 0.01)):
            if len(_all_of(executor)) == free:
                break
            given_back.wait(0.01)
        assert len(_all_of(executor)) == free

    def test_without_a_free_slot_a_run_is_refused_and_may_come_back(self, executor: Executor) -> None:
        """The refusal is ``RateLimited``, a 429 that says when to try again; after a release there is room."""
        slots = _take_all(executor)
        try:
            if len(slots) >= MOST:
                pytest.skip(f"the executor has no limit, or one of more than {MOST} runs")
            with pytest.raises(RateLimited) as refused:
                executor.reserve()
            assert refused.value.retry_after
            slots.pop().release()
            slots.append(executor.reserve())
        finally:
            for slot in slots:
                slot.release()

    def test_many_threads_may_submit_at_once(self, executor: Executor) -> None:
        """Each accepted run is executed once, however many requests come together."""
        executed: Counter[str] = Counter()
        accepted: list[str] = []
        lock, changed = threading.Lock(), threading.Condition()

        def work(name: str) -> None:
            with changed:
                executed[name] += 1
                changed.notify_all()

        def submit(name: str) -> None:
            try:
                slot = executor.reserve()
            except RateLimited:
                return
            with lock:
                accepted.append(name)
            slot.execute(name, lambda: work(name))

        threads = [threading.Thread(target=submit, args=(f"run-{number}",)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with changed:
            assert changed.wait_for(lambda: len(executed) == len(accepted), SOON)
        assert accepted
        assert executed == Counter(accepted)


def _pass(barrier: threading.Barrier) -> None:
    barrier.wait(SOON)


def _take_all(executor: Executor) -> list[Slot]:
    slots: list[Slot] = []
    while len(slots) < MOST:
        try:
            slots.append(executor.reserve())
        except RateLimited:
            break
    return slots


def _all_of(executor: Executor) -> list[Slot]:
    """Return all slots that were free, each given back."""
    slots = _take_all(executor)
    for slot in slots:
        slot.release()
    return slots
