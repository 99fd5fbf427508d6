"""Sweeps: what one of them does must neither cost the worker its leases nor leave other runs behind."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from agentos.domain.run import Run, RunStatus
from agentos.domain.stored_request import RunMode, StoredRequest
from agentos.domain.times import utc_now
from agentos.errors import StorageError
from agentos.execution.leases import LeaseKeeper
from agentos.execution.sweeper import SWEEP_BATCH, Sweeper
from agentos.runtime.context import RunContext
from agentos.storage.admission import Admission, Lease
from agentos.storage.memory import MemoryStorage
from agentos.storage.memory.runs import MemoryRunStore
from parts.picky_storage import PickyStorage
from parts.waiting import until
from parts.workers import AbsentStorage, Asks, Gate, Worker, bare_worker, new_run, new_session, none_here

EXPIRED = Lease("gone", 0.0)


class Leaving(MemoryRunStore):
    """Can be read, and takes no claim."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.tried: list[str] = []

    def claim(self, run_id: str, lease: Lease, *, now: datetime) -> Admission | None:
        self.tried.append(run_id)
        raise StorageError("the database is away")


class LeavingStorage(MemoryStorage):
    """A database that goes away while it is swept."""

    def __init__(self) -> None:
        super().__init__()
        self.runs = Leaving(self.rows)

    def check(self) -> None:
        raise StorageError("the database is away")


@pytest.fixture
def picky() -> PickyStorage:
    return PickyStorage()


def lose(storage: MemoryStorage) -> str:
    """Leave a run behind as a worker does that is gone."""
    run = new_run("a")
    storage.runs.admit(run, claim=EXPIRED, owner=None, history_turns=0)
    return run.id


def test_a_run_that_cannot_be_ended_does_not_stop_the_sweep(picky: PickyStorage) -> None:
    worker = Worker(picky, "here")
    asks = Asks(["May I?"], ["Thanks."])
    paused = worker.start(asks, session_id=new_session(picky)).run
    until(lambda: picky.runs.get(paused.id, owner=None).status is RunStatus.PAUSED)
    picky.runs.request_cancel(paused.id, owner=None)
    broken, lost = lose(picky), lose(picky)
    picky.runs.refused = frozenset([paused.id, broken])
    worker.sweeper.sweep()
    assert picky.runs.get(lost, owner=None).status is RunStatus.FAILED
    assert picky.runs.get(paused.id, owner=None).status is RunStatus.PAUSED
    worker.close()


def test_an_orphan_that_cannot_be_ended_does_not_keep_the_others(picky: PickyStorage) -> None:
    worker = Worker(picky, "here")
    orphans = [new_run("a") for _ in range(4)]
    for run in orphans:
        picky.runs.admit(run, claim=Lease("here", 30), owner=None, history_turns=0)
    picky.runs.refused = frozenset(run.id for run in orphans[:3])
    for _ in range(2):
        worker.sweeper.end_orphans()
    assert picky.runs.get(orphans[3].id, owner=None).status is RunStatus.FAILED
    worker.close()


def test_a_sweep_ends_when_the_database_is_away() -> None:
    storage = LeavingStorage()
    worker = Worker(storage, "here")
    lost = [lose(storage) for _ in range(3)]
    with pytest.raises(StorageError):
        worker.sweeper.sweep()
    assert storage.runs.tried == lost[:1]
    worker.close()


def test_a_slow_observer_of_ends_does_not_cost_the_worker_its_leases() -> None:
    storage = MemoryStorage()
    shown, done = threading.Event(), threading.Event()

    def slow(run: Run) -> None:
        shown.set()
        done.wait(10)

    worker, lease = bare_worker(storage, lease=0.3, on_finished=slow), Lease("me", 0.3)
    mine = new_run("a")
    storage.runs.admit(mine, claim=lease, owner=None, history_turns=0)
    lose(storage)
    leases = LeaseKeeper(storage, worker, lease)
    sweeper = Sweeper(storage, worker, lease, leases, prepare=none_here)
    for thread in (leases, sweeper):
        thread.start()
    assert shown.wait(5)
    before = leases.renewed
    until(lambda: leases.renewed > before + 4)  # longer than a lease
    assert mine.id not in storage.runs.unattended(limit=10).lost
    done.set()
    for thread in (sweeper, leases):
        thread.close()
    worker.close()


def test_renewing_does_not_wait_for_runs_that_do_not_stop(
    storage: AbsentStorage, worker: Callable[..., Worker]
) -> None:
    here = worker("here", lease=0.05)
    deaf = [Gate(deaf=True) for _ in range(4)]
    runs = [here.start(gate) for gate in deaf]
    assert all(gate.waiting.wait(5) for gate in deaf)
    time.sleep(0.1)
    for live in runs:
        assert storage.runs.claim(live.run.id, Lease("other", 30), now=utc_now()) is not None
    began = time.monotonic()
    here.leases.renew()
    assert time.monotonic() - began < 0.5
    assert here.leases.lost == 4
    until(lambda: all(live.cancellation.cause is not None for live in runs))
    for gate in deaf:
        gate.go_on.set()


class Counted:
    """An agent that may be begun again, and knows how many of its runs are under way at once."""

    retry_on_crash = True

    def __init__(self) -> None:
        self.now = self.most = self.ended = 0
        self.go_on = threading.Event()

    def stream(self, context: RunContext) -> Iterator[str]:
        self.now += 1
        self.most = max(self.most, self.now)
        yield "x"
        self.go_on.wait(10)
        self.now -= 1
        self.ended += 1


def lose_in_background(storage: MemoryStorage, agent_id: str) -> str:
    run = replace(new_run(agent_id), request=StoredRequest(mode=RunMode.BACKGROUND))
    storage.runs.admit(run, claim=None, owner=None, history_turns=0)
    assert storage.runs.claim(run.id, EXPIRED, now=utc_now()) is not None
    return run.id


def test_lost_background_runs_go_on_within_the_limit_of_the_executor(
    storage: AbsentStorage, worker: Callable[..., Worker]
) -> None:
    agent = Counted()
    here = worker("here", agents={"a": agent}, background=2, max_attempts=3)
    lost = [lose_in_background(storage, "a") for _ in range(5)]
    for _ in range(2):  # those that wait are found again
        here.sweeper.sweep()
    until(lambda: agent.now == 2)
    assert [run.run.id for run in here.worker.running()] == lost[:2]
    agent.go_on.set()
    until(lambda: all(storage.runs.get(run_id, owner=None).status is RunStatus.COMPLETED for run_id in lost))
    assert (agent.most, agent.ended, here.worker.taken_over) == (2, 5, 5)


def test_a_lost_background_run_that_has_to_end_does_not_wait_for_the_executor(
    storage: AbsentStorage, worker: Callable[..., Worker]
) -> None:
    gate, durable = Gate(), Counted()
    here = worker("here", agents={"once": Gate(), "a": durable}, background=1, max_attempts=3)
    here.submit(gate)
    assert gate.waiting.wait(5)
    once, gone, stopped = (lose_in_background(storage, agent_id) for agent_id in ("once", "unknown", "a"))
    storage.runs.request_cancel(stopped, owner=None)
    durable.go_on.set()
    here.sweeper.sweep()
    assert [storage.runs.get(run_id, owner=None).error.details["cause"] for run_id in (once, gone)] == [
        "WORKER_LOST"
    ] * 2
    until(lambda: storage.runs.get(stopped, owner=None).status.finished)
    gate.go_on.set()


def test_many_runs_that_wait_for_the_executor_hide_no_lost_run(
    storage: AbsentStorage, worker: Callable[..., Worker]
) -> None:
    gate = Gate()
    agent = Counted()
    here = worker("here", agents={"a": agent}, background=1, max_attempts=3)
    here.submit(gate)
    assert gate.waiting.wait(5)
    for _ in range(2 * SWEEP_BATCH + 1):
        lose_in_background(storage, "a")
    behind = lose(storage)
    here.sweeper.sweep()
    assert storage.runs.get(behind, owner=None).attempt == 2
    here.worker.draining = True  # none of those that wait begins
    gate.go_on.set()
    agent.go_on.set()
