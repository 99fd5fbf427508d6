"""Runs that are leased to a worker in which they are not under way."""

from collections.abc import Sequence

import pytest

from agentos.domain.event import Frame
from agentos.domain.ids import new_id
from agentos.domain.run import Run, RunStatus
from agentos.domain.times import utc_now
from agentos.errors import StorageError
from agentos.execution.leases import LeaseKeeper
from agentos.execution.preparation import Prepared
from agentos.execution.run_limits import RunLimits
from agentos.execution.sweeper import Sweeper
from agentos.execution.worker import Worker
from agentos.runtime.context import RunContext
from agentos.storage.admission import Ended, Lease
from agentos.storage.memory import MemoryStorage
from agentos.storage.memory.runs import MemoryRunStore
from parts.waiting import until
from parts.workers import bare_worker, none_here

LIMITS = RunLimits(timeout=10, queue_timeout=10, history_turns=10, max_output=1000)
LEASE = Lease("me", 30)


class Breaking(MemoryRunStore):
    """Commits an admission and then breaks off, or cannot save an end, as long as it is told to."""

    breaks_admission = breaks_end = False

    def admit(self, run: Run, **options: object):  # type: ignore[override]
        admission = super().admit(run, **options)  # type: ignore[arg-type]
        if self.breaks_admission:
            raise StorageError("broke off after the commit")
        return admission

    def finish(self, run: Run, *, messages: object = (), frames: Sequence[Frame] = ()) -> Ended | None:
        if self.breaks_end:
            raise StorageError("broke off before the commit")
        return super().finish(run, frames=frames)


class Hello:
    def stream(self, context: RunContext):
        yield "Hello"


def sweeper(storage: MemoryStorage, worker: Worker) -> Sweeper:
    return Sweeper(storage, worker, LEASE, LeaseKeeper(storage, worker, LEASE), prepare=none_here)


def _run() -> Run:
    return Run(id=new_id(), agent_id="a", status=RunStatus.RUNNING, created_at=utc_now())


@pytest.fixture
def storage() -> MemoryStorage:
    storage = MemoryStorage()
    storage.runs = Breaking(storage.rows)
    return storage


@pytest.fixture
def worker(storage: MemoryStorage):
    worker = bare_worker(storage)
    yield worker
    worker.close()


def test_a_run_whose_admission_was_committed_unseen_is_ended(storage: MemoryStorage, worker: Worker) -> None:
    storage.runs.breaks_admission = True
    run = _run()
    with pytest.raises(StorageError):
        worker.start(run, Prepared(Hello(), LIMITS), owner=None)
    keeper = sweeper(storage, worker)
    keeper.end_orphans()
    # Once could be a run that is being accepted at this moment.
    assert storage.runs.get(run.id, owner=None).status is RunStatus.RUNNING
    keeper.end_orphans()
    ended = storage.runs.get(run.id, owner=None)
    assert ended.status is RunStatus.FAILED
    assert ended.error.code == "STORAGE_ERROR"
    assert storage.events.read(run.id)[-1].type == "error"


def test_a_run_whose_end_could_not_be_saved_is_ended_when_the_database_is_back(
    storage: MemoryStorage, worker: Worker
) -> None:
    storage.runs.breaks_end = True
    live = worker.start(_run(), Prepared(Hello(), LIMITS), owner=None)
    assert live.stream.wait(5).type == "error"
    until(lambda: not worker.running())
    storage.runs.breaks_end = False
    keeper = sweeper(storage, worker)
    keeper.end_orphans()
    keeper.end_orphans()
    ended = storage.runs.get(live.run.id, owner=None)
    assert (ended.status, ended.error.code) == (RunStatus.FAILED, "STORAGE_ERROR")


def test_a_run_under_way_is_no_orphan(storage: MemoryStorage, worker: Worker) -> None:
    class Waiting:
        def stream(self, context: RunContext):
            context.cancellation.wait(1)
            yield "done"

    live = worker.start(_run(), Prepared(Waiting(), LIMITS), owner=None)
    keeper = sweeper(storage, worker)
    for _ in range(4):
        keeper.end_orphans()
    assert live.stream.wait(5).type == "complete"
    assert storage.runs.get(live.run.id, owner=None).status is RunStatus.COMPLETED
