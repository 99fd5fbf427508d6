"""Stopping runs from any worker, and what they leave."""

import threading
import time
from collections.abc import Callable

import pytest

from agentos.domain.run import BusyPolicy, RunStatus
from agentos.errors import SessionBusy
from agentos.execution.live import LiveRun
from agentos.storage.interface import Storage
from agentos.storage.sessions import SessionFilter
from parts.waiting import until
from parts.workers import AbsentStorage, Gate, Worker, ended, event, new_session, says

SOON = 1.5
"""Seconds: the promise is one; a busy machine may need more, but not much."""


@pytest.fixture
def busy(here: Worker, storage: AbsentStorage) -> tuple[str, Gate, LiveRun]:
    """A session with a run under way here, which has written something."""
    session_id = new_session(storage)
    gate = Gate(["partial"], ["late"])
    live = here.start(gate, session_id=session_id, input="first")
    assert gate.waiting.wait(5)
    here.cancels.start()
    return session_id, gate, live


def said(storage: Storage, session_id: str) -> list[str]:
    return [one.message.content for one in storage.sessions.history(session_id, owner=None, limit=100).messages]


def ended_soon(live: LiveRun) -> None:
    before = time.monotonic()
    assert ended(live).status is RunStatus.CANCELLED
    assert time.monotonic() - before < SOON


def test_a_run_is_stopped_within_a_second_from_another_worker(
    busy: tuple[str, Gate, LiveRun], there: Worker, storage: AbsentStorage
) -> None:
    session_id, _, live = busy
    storage.runs.request_cancel(live.run.id, owner=None)
    assert there.worker.get(live.run.id) is None
    ended_soon(live)
    saved = storage.runs.get(live.run.id, owner=None)
    assert saved is not None
    assert saved.error is not None
    assert (saved.status, saved.content, saved.error.code) == (RunStatus.CANCELLED, "partial", "RUN_CANCELLED")
    assert said(storage, session_id) == ["first", "partial"]
    assert event(there.follow(live.run.id)[-1]).code == "RUN_CANCELLED"


def test_the_session_goes_on_after_a_cancelled_run(
    busy: tuple[str, Gate, LiveRun], here: Worker, storage: AbsentStorage
) -> None:
    session_id, _, live = busy
    behind = Gate([], ["second answer"])
    behind.go_on.set()
    waiting = here.start(behind, session_id=session_id, input="second")
    storage.runs.request_cancel(live.run.id, owner=None)
    assert ended(waiting).status is RunStatus.COMPLETED
    assert behind.histories == [["first", "partial"]]
    assert said(storage, session_id) == ["first", "partial", "second", "second answer"]


def test_a_run_that_does_not_listen_is_left_behind_within_a_second(here: Worker, storage: AbsentStorage) -> None:
    gate = Gate(["partial"], ["late"], deaf=True)
    live = here.start(gate)
    here.cancels.start()
    assert gate.waiting.wait(5)
    storage.runs.request_cancel(live.run.id, owner=None)
    ended_soon(live)
    gate.go_on.set()
    time.sleep(0.1)
    assert here.storage.runs.get(live.run.id, owner=None).content == "partial"


def test_a_run_that_waits_for_its_turn_is_stopped_too(
    busy: tuple[str, Gate, LiveRun], here: Worker, storage: AbsentStorage
) -> None:
    session_id, gate, first = busy
    waiting = here.start(says("never"), session_id=session_id, input="second")
    storage.runs.request_cancel(waiting.run.id, owner=None)
    ended_soon(waiting)
    gate.go_on.set()
    assert ended(first).status is RunStatus.COMPLETED
    assert said(storage, session_id) == ["first", "partiallate"]


def test_a_run_that_waits_for_the_executor_is_ended_by_the_worker_that_is_asked(
    worker: Callable[..., Worker], storage: AbsentStorage
) -> None:
    here, there = worker("here", background=1), worker("there")
    busy, gate = Gate(), Gate()
    first = here.submit(busy)
    assert busy.waiting.wait(5)
    waits = here.submit(gate)
    assert there.handle(waits).cancel().status is RunStatus.CANCELLED
    assert [run.id for run in there.finished] == [waits]
    assert storage.events.read(waits)[-1].type == "error"
    busy.go_on.set()
    assert here.handle(first).wait(5).status is RunStatus.COMPLETED
    assert not gate.waiting.is_set()


def test_a_background_run_that_was_asked_to_stop_does_not_begin(
    worker: Callable[..., Worker], storage: AbsentStorage
) -> None:
    here = worker("here", background=1)
    session_id = new_session(storage)
    gates = [Gate(), Gate(), Gate()]
    first, second, third = (here.submit(gate, session_id=session_id) for gate in gates)
    assert gates[0].waiting.wait(5)
    # What a worker commits before it ends the run: it may be gone before it does.
    for run_id in (first, second):
        storage.runs.request_cancel(run_id, owner=None)
    here.cancels.look()
    assert here.handle(first).wait(5).status is RunStatus.CANCELLED
    here.worker.execute(second)
    here.sweeper.sweep()
    assert here.handle(second).wait(5).status is RunStatus.CANCELLED
    assert gates[2].waiting.wait(5)
    assert not gates[1].waiting.is_set()
    gates[2].go_on.set()
    assert here.handle(third).wait(5).status is RunStatus.COMPLETED


def test_a_lost_run_that_was_asked_to_stop_is_ended_and_not_begun_again(
    worker: Callable[..., Worker], storage: AbsentStorage
) -> None:
    begun = Gate(["partial"])
    lost = worker("lost", lease=0.05)
    live = lost.start(begun, agent_id="again", durable=True)
    assert begun.waiting.wait(5)
    until(lambda: len(storage.events.read(live.run.id)) > 1)
    lost.die()
    storage.runs.request_cancel(live.run.id, owner=None)
    again = Gate()
    finder = worker("finder", max_attempts=3, agents={"again": again})
    until(lambda: storage.runs.unattended(limit=9).lost)
    finder.sweeper.sweep()
    found = storage.runs.get(live.run.id, owner=None)
    assert (found.status, found.content) == (RunStatus.CANCELLED, "partial")
    assert not again.waiting.is_set()


def test_runs_of_other_workers_are_left_alone(here: Worker, there: Worker, storage: AbsentStorage) -> None:
    gates = [Gate([], ["done"]), Gate()]
    mine, other = here.start(gates[0]), there.start(gates[1])
    for one in (here, there):
        one.cancels.start()
    storage.runs.request_cancel(other.run.id, owner=None)
    ended_soon(other)
    gates[0].go_on.set()
    assert ended(mine).status is RunStatus.COMPLETED


def test_requests_are_heard_again_when_the_database_is_back(
    busy: tuple[str, Gate, LiveRun], storage: AbsentStorage
) -> None:
    *_, live = busy
    storage.away = True
    storage.runs.request_cancel(live.run.id, owner=None)
    assert live.stream.wait(0.6) is None
    storage.away = False
    ended_soon(live)


def test_a_run_that_has_ended_stays_as_it_is(here: Worker, storage: AbsentStorage) -> None:
    live = here.start(says("done"))
    ended(live)
    before = storage.runs.get(live.run.id, owner=None)
    assert storage.runs.request_cancel(live.run.id, owner=None) == before
    here.cancels.look()
    assert storage.runs.get(live.run.id, owner=None) == before


@pytest.fixture(params=["the same worker", "another worker"])
def newcomer(request: pytest.FixtureRequest, here: Worker, worker: Callable[..., Worker]) -> Worker:
    """Where the session's second run is started."""
    return here if request.param == "the same worker" else worker("newcomer")


@pytest.mark.parametrize(
    ("concurrency", "found"), [(BusyPolicy.INTERRUPT, ["first", "partial"]), (BusyPolicy.ROLLBACK, [])]
)
def test_a_run_that_interrupts_finds_what_the_other_had_written_and_one_that_rolls_back_does_not(
    busy: tuple[str, Gate, LiveRun],
    newcomer: Worker,
    storage: AbsentStorage,
    concurrency: BusyPolicy,
    found: list[str],
) -> None:
    session_id, _, first = busy
    gate = Gate([], ["second answer"])
    gate.go_on.set()
    second = newcomer.start(gate, session_id=session_id, input="second", concurrency=concurrency)
    ended_soon(first)
    assert ended(second).status is RunStatus.COMPLETED
    assert gate.histories == [found]
    assert said(storage, session_id) == [*found, "second", "second answer"]


def test_all_that_waited_are_interrupted_too(
    busy: tuple[str, Gate, LiveRun], here: Worker, newcomer: Worker, storage: AbsentStorage
) -> None:
    session_id, _, first = busy
    waiting = here.start(says("never"), session_id=session_id, input="second")
    last = newcomer.start(says("third answer"), session_id=session_id, concurrency=BusyPolicy.INTERRUPT, input="third")
    assert [ended(live).status for live in (first, waiting)] == [RunStatus.CANCELLED] * 2
    assert ended(last).status is RunStatus.COMPLETED
    assert said(storage, session_id) == ["first", "partial", "third", "third answer"]


def test_a_busy_session_is_refused_to_who_does_not_want_to_wait(
    busy: tuple[str, Gate, LiveRun], newcomer: Worker, storage: AbsentStorage
) -> None:
    session_id, gate, first = busy
    with pytest.raises(SessionBusy):
        newcomer.start(says("never"), session_id=session_id, concurrency=BusyPolicy.REJECT)
    gate.go_on.set()
    ended(first)
    until(lambda: storage.runs.get(first.run.id, owner=None).status.finished)
    again = newcomer.start(says("now"), session_id=session_id, concurrency=BusyPolicy.REJECT)
    assert ended(again).content == "now"


DELETIONS: dict[str, Callable[[Storage, str, str], object]] = {
    "its session": lambda storage, session_id, run_id: storage.sessions.delete(session_id, owner=None),
    "sessions by age": lambda storage, session_id, run_id: storage.sessions.delete_oldest(SessionFilter(), limit=9),
    "its owner's data": lambda storage, session_id, run_id: storage.runs.delete_of_owner("anonymous", limit=9),
}
"""What takes a run away without a request to stop it."""


@pytest.mark.parametrize("deletion", DELETIONS)
def test_a_run_that_was_deleted_elsewhere_is_stopped_within_a_second_and_its_followers_are_told(
    busy: tuple[str, Gate, LiveRun], here: Worker, storage: AbsentStorage, deletion: str
) -> None:
    session_id, _, live = busy
    waiting = here.start(says("never"), session_id=session_id)
    DELETIONS[deletion](storage, session_id, live.run.id)
    for one in (live, waiting):
        ended_soon(one)
        assert event(one.stream.last).code == "RUN_CANCELLED"  # type: ignore[arg-type]


def test_who_follows_at_another_worker_is_told_that_the_run_was_deleted(
    busy: tuple[str, Gate, LiveRun], there: Worker, storage: AbsentStorage
) -> None:
    session_id, _, live = busy
    seen: list[str] = []
    follower = threading.Thread(target=lambda: seen.extend(frame.type for frame in there.follow(live.run.id)))
    follower.start()
    time.sleep(0.3)
    storage.sessions.delete(session_id, owner=None)
    follower.join(3)
    assert seen[-1] == "error"


def test_runs_that_were_not_deleted_go_on(
    busy: tuple[str, Gate, LiveRun], here: Worker, storage: AbsentStorage
) -> None:
    session_id, _, first = busy
    other = Gate(["x"], ["y"])
    kept = here.start(other)
    assert other.waiting.wait(5)
    storage.sessions.delete(session_id, owner=None)
    ended_soon(first)
    other.go_on.set()
    assert ended(kept).content == "xy"
