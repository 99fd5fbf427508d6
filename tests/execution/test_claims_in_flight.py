"""Runs that are just being claimed: their worker has them, though they are not under way in it yet."""

import threading
import time
from typing import Any

import pytest

from agentos.domain.run import Run, RunStatus
from agentos.execution.live import LiveRun
from agentos.execution.preparation import Prepared
from parts.workers import AbsentStorage, Worker, says


class SlowToFind(Worker):
    """A worker that finds the agent of a run when it is allowed to."""

    def __init__(self, storage: AbsentStorage) -> None:
        self.looking, self.found = threading.Event(), threading.Event()
        super().__init__(storage, "slow", lease=1.0)

    def prepare(self, run: Run) -> Prepared:
        self.looking.set()
        self.found.wait(10)
        return super().prepare(run)


@pytest.fixture
def slow(storage: AbsentStorage) -> SlowToFind:
    made = SlowToFind(storage)
    yield made
    made.found.set()
    made.close()


def test_draining_waits_for_a_run_that_is_being_claimed(slow: SlowToFind) -> None:
    run_id = slow.submit(says("done"))
    assert slow.looking.wait(5)
    drain = threading.Thread(target=slow.worker.drain, args=(5,))
    drain.start()
    drain.join(0.2)
    assert drain.is_alive(), "it would leave a run that it has claimed"
    slow.found.set()
    drain.join(5)
    run = slow.storage.runs.get(run_id, owner=None)
    assert (run.status, run.content) == (RunStatus.COMPLETED, "done")


def test_draining_waits_no_longer_than_it_may(slow: SlowToFind) -> None:
    slow.submit(says("done"))
    assert slow.looking.wait(5)
    began = time.monotonic()
    slow.worker.drain(0.3)
    assert time.monotonic() - began < 3


def test_a_run_that_is_being_claimed_is_no_orphan(slow: SlowToFind) -> None:
    run_id = slow.submit(says("done"))
    assert slow.looking.wait(5)
    for _ in range(4):
        slow.sweeper.end_orphans()
    assert slow.storage.runs.get(run_id, owner=None).status is RunStatus.RUNNING
    slow.found.set()
    assert slow.handle(run_id).wait(5).content == "done"


class SlowToAdmit(AbsentStorage):
    """A storage that has admitted a run, but answers when it is allowed to."""

    def __init__(self) -> None:
        super().__init__()
        self.admitted, self.answer = threading.Event(), threading.Event()
        admit = self.runs.admit

        def slow(*arguments: Any, **options: Any) -> Any:
            admission = admit(*arguments, **options)
            self.admitted.set()
            self.answer.wait(10)
            return admission

        self.runs.admit = slow  # type: ignore[method-assign]


def test_draining_waits_for_a_run_that_is_being_accepted() -> None:
    storage = SlowToAdmit()
    worker = Worker(storage, "me")
    started: list[LiveRun] = []
    accepted = threading.Thread(target=lambda: started.append(worker.start(says("done"))))
    accepted.start()
    assert storage.admitted.wait(5)
    drain = threading.Thread(target=worker.worker.drain, args=(5,))
    drain.start()
    drain.join(0.2)
    assert drain.is_alive(), "it would leave a run that it has accepted"
    storage.answer.set()
    accepted.join()
    drain.join(5)
    [live] = started
    run = storage.runs.get(live.run.id, owner=None)
    assert (run.status, run.content) == (RunStatus.COMPLETED, "done")
    worker.close()
