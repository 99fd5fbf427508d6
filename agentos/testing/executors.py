"""Tests that every executor of background runs should pass."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

import pytest

from agentos.execution.executor import Executor

SOON = 10.0
"""Seconds that a run may take to begin, on a busy machine."""


class ExecutorContract:
    """Derive a test class from it and give it the fixture ``executor``.

    It executes in the test's own process; one that sends its runs to other processes should do so in tests too.

        class TestMine(ExecutorContract):
            @pytest.fixture
            def executor(self):
                return MyExecutor(Config(environ={}))
    """

    @pytest.fixture
    def executor(self) -> Executor:
        """Return the executor under test, before its start."""
        raise NotImplementedError("define the fixture 'executor'")

    def test_a_submitted_run_is_executed(self, executor: Executor) -> None:
        """The function of the start is called with the id."""
        executed = _Executed()
        executor.start(executed)
        executor.submit("run-1")
        executed.wait_for(lambda: executed.ids == Counter(["run-1"]))

    def test_the_caller_does_not_wait_for_the_run(self, executor: Executor) -> None:
        """The client's answer, a 202, comes while the run is under way."""
        release, ended = threading.Event(), threading.Event()

        def execute(_: str) -> None:
            if release.wait(SOON):
                ended.set()

        executor.start(execute)
        executor.submit("run-1")
        assert not ended.is_set()  # were the run executed by now, it could not have been released
        release.set()
        assert ended.wait(SOON)

    def test_a_run_that_is_submitted_again_after_its_claim_failed_is_executed_again(self, executor: Executor) -> None:
        """A run waits in its session for another one, and is submitted once more when that one has ended."""
        executed = _Executed()
        executor.start(executed)
        for times in (1, 2):
            executor.submit("run-1")
            executed.wait_for(lambda: executed.ids["run-1"] == times)  # noqa: B023 - called at once

    def test_a_run_that_is_submitted_twice_at_once_is_executed(self, executor: Executor) -> None:
        """Once or twice: the second claim finds nothing to do."""
        executed = _Executed()
        executor.start(executed)
        for run_id in ("run-1", "run-1", "run-2"):
            executor.submit(run_id)
        executed.wait_for(lambda: set(executed.ids) == {"run-1", "run-2"})
        assert not threading.Event().wait(0.1)
        assert executed.ids["run-2"] == 1

    def test_a_run_that_is_submitted_while_it_is_executed_is_not_forgotten(self, executor: Executor) -> None:
        """Its claim may have come a moment too early, and be about to return."""
        executed, release = _Executed(), threading.Event()

        def execute(run_id: str) -> None:
            executed(run_id)
            release.wait(SOON)

        executor.start(execute)
        executor.submit("run-1")
        executed.wait_for(lambda: executed.ids["run-1"] == 1)
        executor.submit("run-1")
        release.set()
        executed.wait_for(lambda: executed.ids["run-1"] == 2)

    def test_many_threads_may_submit_at_once(self, executor: Executor) -> None:
        """Each run is executed, however many requests come together."""
        executed = _Executed()
        executor.start(executed)
        ids = {f"run-{number}" for number in range(16)}
        threads = [threading.Thread(target=executor.submit, args=(run_id,)) for run_id in ids]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        executed.wait_for(lambda: set(executed.ids) == ids)


class _Executed:
    """Counts which runs were executed."""

    def __init__(self) -> None:
        self.ids: Counter[str] = Counter()
        self._changed = threading.Condition()

    def __call__(self, run_id: str) -> None:
        with self._changed:
            self.ids[run_id] += 1
            self._changed.notify_all()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, SOON), f"executed in {SOON:g} s: {dict(self.ids)}"
