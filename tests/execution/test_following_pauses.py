"""Following, awaiting and cancelling runs that pause, at the worker that executes them and at another."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from agentos.domain.event import Frame
from agentos.domain.run import RunStatus
from agentos.errors import RunFinished, RunNotFound
from agentos.execution.live import LiveRun
from agentos.execution.log_follower import PAGE
from parts.following import Reader
from parts.waiting import until
from parts.workers import AbsentStorage, Asks, Gate, Worker, event, numbers

Workers = dict[str, Worker]


@pytest.fixture
def workers(here: Worker, there: Worker) -> Workers:
    return {"here": here, "there": there}


def types(frames: Sequence[Frame]) -> list[str]:
    return [frame.type for frame in frames]


def paused(workers: Workers, agent: object) -> str:
    """Start a run here, and return its id once it is paused and no worker has it in memory."""
    for worker in workers.values():
        worker.agents["a"] = agent
    live = workers["here"].start(agent)
    return at_rest(workers, live.run.id)


def at_rest(workers: Workers, run_id: str) -> str:
    storage = workers["here"].storage
    until(lambda: storage.runs.get(run_id, owner=None).status is RunStatus.PAUSED)  # type: ignore[union-attr]
    until(lambda: all(worker.worker.get(run_id) is None for worker in workers.values()))
    return run_id


@pytest.mark.parametrize("place", ["here", "there"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_following_ends_with_the_pause(workers: Workers, place: str, when: str) -> None:
    go_on = threading.Event()

    def words() -> Iterator[str]:
        yield "a"
        go_on.wait(10)

    agent = Asks(words(), "b")
    live = workers["here"].start(agent)
    if when == "after":
        go_on.set()
        at_rest(workers, live.run.id)
    reader = Reader(workers[place].handle(live.run.id).follow(heartbeat=20))
    if when == "before":
        until(lambda: len(reader.frames) == 2)
        go_on.set()
    frames = reader.all()
    assert types(frames) == ["run_start", "token", "paused"]
    assert event(frames[-1]).pending[0]["id"] == agent.actions[0].id


@pytest.mark.parametrize("place", ["here", "there"])
@pytest.mark.parametrize("executes", ["here", "there"])
def test_a_follower_that_has_seen_the_pause_waits_and_continues_with_the_resume(
    workers: Workers, storage: AbsentStorage, place: str, executes: str
) -> None:
    agent = Asks("ab", "cd")
    run_id = paused(workers, agent)
    reader = Reader(workers[place].handle(run_id).follow(after=4, heartbeat=0.1))
    until(lambda: reader.batches.count(()) >= 2)
    assert reader.frames == []
    agent.answer(storage, run_id)
    workers[executes].resume(run_id)
    frames = reader.all()
    assert types(frames) == ["resumed", "token", "token", "complete"]
    assert numbers(frames) == [5, 6, 7, 8]


def test_a_follower_that_has_seen_the_pause_waits_as_long_as_the_run_is_paused(workers: Workers) -> None:
    run_id = paused(workers, Asks("ab", "cd"))
    reader = Reader(workers["there"].handle(run_id).follow(after=4, heartbeat=0.5))
    time.sleep(1.5)  # longer than it takes to ask whether the run is still there
    assert reader.reads
    workers["there"].handle(run_id).cancel()
    assert types(reader.all()) == ["error"]


def test_a_paused_run_that_is_resumed_here_is_followed_in_memory(workers: Workers, storage: AbsentStorage) -> None:
    go_on = threading.Event()

    def words() -> Iterator[str]:
        yield "c"
        go_on.wait(10)
        for _ in range(20):
            yield "d"
            time.sleep(0.01)

    agent = Asks("ab", words())
    run_id = paused(workers, agent)
    pushed: list[Frame] = []

    def push(frames: Sequence[Frame]) -> bool:
        pushed.extend(frames)
        return True

    reader = Reader(workers["here"].handle(run_id).follow(after=4, heartbeat=20, sink=push))
    agent.answer(storage, run_id)
    workers["here"].resume(run_id)
    until(lambda: reader.frames)
    go_on.set()
    reader.all()
    assert pushed
    assert sorted(numbers(reader.frames + pushed)) == list(range(5, 28))


def test_a_background_run_is_followed_in_memory_when_it_begins_here(here: Worker) -> None:
    blocked, gate = Gate(), Gate()
    for _ in range(2):  # as many as it executes at once
        here.submit(blocked)
    gate.after = itertools.chain(*[["x"] * 5])
    run_id = here.submit(gate)
    pushed: list[Frame] = []

    def push(frames: Sequence[Frame]) -> bool:
        pushed.extend(frames)
        return True

    reader = Reader(here.handle(run_id).follow(heartbeat=0.05, sink=push))
    until(lambda: reader.batches.count(()) >= 2)
    blocked.go_on.set()
    until(lambda: reader.frames)
    assert gate.waiting.wait(5)
    gate.go_on.set()
    reader.all()
    assert pushed
    assert sorted(numbers(reader.frames + pushed)) == list(range(1, 8))


@pytest.mark.parametrize("place", ["here", "there"])
def test_a_replay_goes_through_pauses_that_are_over_and_stops_at_one_that_is_not(
    workers: Workers, storage: AbsentStorage, place: str
) -> None:
    agent = Asks("a", "b", "c")
    run_id = paused(workers, agent)
    follow = workers[place].follow
    assert types(follow(run_id)) == ["run_start", "token", "paused"]
    agent.answer(storage, run_id)
    workers["here"].resume(run_id)
    until(lambda: len(agent.actions) == 2)
    at_rest(workers, run_id)
    whole = ["run_start", "token", "paused", "resumed", "token", "paused"]
    for after in (0, 2, 3, 5):
        assert types(follow(run_id, after=after)) == whole[after:]
    agent.answer(storage, run_id)
    workers["there"].resume(run_id)
    until(lambda: storage.runs.get(run_id, owner=None).status.finished)  # type: ignore[union-attr]
    for after in (0, 2, 3, 6):
        assert types(follow(run_id, after=after)) == [*whole, "resumed", "token", "complete"][after:]
    assert follow(run_id, after=9) == []


def test_a_replay_does_not_stop_at_a_pause_that_was_answered_though_no_worker_has_resumed_the_run(
    workers: Workers, storage: AbsentStorage
) -> None:
    agent = Asks("a", "b")
    run_id = paused(workers, agent)
    agent.answer(storage, run_id)
    reader = Reader(workers["there"].handle(run_id).follow(heartbeat=0.1))
    until(lambda: reader.batches.count(()) >= 2)
    assert types(reader.frames) == ["run_start", "token", "paused"]
    workers["here"].resume(run_id)
    assert types(reader.all())[3:] == ["resumed", "token", "complete"]


def test_a_replay_goes_on_after_a_pause_at_the_end_of_a_page(workers: Workers, storage: AbsentStorage) -> None:
    agent = Asks(["x"] * (PAGE - 2), "b", "c")
    run_id = paused(workers, agent)
    agent.answer(storage, run_id)
    workers["here"].resume(run_id)
    until(lambda: len(agent.actions) == 2)
    at_rest(workers, run_id)
    frames = workers["there"].follow(run_id)
    assert numbers(frames) == list(range(1, PAGE + 4))
    assert types(frames[PAGE - 1 :]) == ["paused", "resumed", "token", "paused"]


def test_a_slow_reader_of_a_run_that_pauses_meanwhile_gets_all_up_to_the_pause(here: Worker) -> None:
    enough = threading.Event()

    def words() -> Iterator[str]:
        for number in itertools.count():
            if enough.wait(0.001):
                return
            yield f"{number} "

    live = here.start(Asks(words(), "b"))
    slow = here.handle(live.run.id).follow(heartbeat=20)
    got = list(next(slow))
    until(lambda: not live.stream.retains(got[-1].number + 50))
    enough.set()
    assert live.stream.wait(10) is not None
    frames = got + Reader(slow).all()
    assert numbers(frames) == list(range(1, len(frames) + 1))
    assert types(frames).index("paused") == len(frames) - 1


# --- waiting -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["here", "there"])
def test_waiting_ends_with_a_pause_and_after_the_answer_with_the_end(
    workers: Workers, storage: AbsentStorage, place: str
) -> None:
    agent = Asks("a", "b")
    for worker in workers.values():
        worker.agents["a"] = agent
    live = workers["here"].start(agent)
    handle = workers[place].handle(live.run.id)
    run = handle.wait(10)
    assert run is not None
    assert run.status is RunStatus.PAUSED
    assert [action.id for action in run.pending] == [agent.actions[0].id]
    at_rest(workers, live.run.id)
    agent.answer(storage, live.run.id)
    assert handle.wait(0.05) is None
    workers["here"].resume(live.run.id)
    run = handle.wait(10)
    assert run is not None
    assert (run.status, run.content) == (RunStatus.COMPLETED, "ab")


def test_who_started_a_run_can_wait_with_the_same_handle_for_the_end_after_the_pause(
    workers: Workers, storage: AbsentStorage
) -> None:
    agent = Asks("a", "b")
    for worker in workers.values():
        worker.agents["a"] = agent
    live = workers["here"].start(agent)
    handle = workers["here"].handle(live.run.id, live=live)
    assert handle.wait(10).status is RunStatus.PAUSED  # type: ignore[union-attr]
    assert handle.ended() is None
    agent.answer(storage, live.run.id)
    workers["there"].resume(live.run.id)
    assert handle.wait(10).status is RunStatus.COMPLETED  # type: ignore[union-attr]
    assert handle.ended() is not None


# --- ends of paused runs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["here", "there"])
def test_a_paused_run_is_cancelled_at_once_at_any_worker_and_those_who_follow_see_it(
    workers: Workers, storage: AbsentStorage, place: str
) -> None:
    run_id = paused(workers, Asks("a", "b"))
    reader = Reader(workers["there"].handle(run_id).follow(after=3, heartbeat=20))
    run = workers[place].handle(run_id).cancel()
    assert (run.status, run.content) == (RunStatus.CANCELLED, "a")
    assert [(one.number, one.type, one.code) for one in map(event, reader.all())] == [(4, "error", "RUN_CANCELLED")]
    with pytest.raises(RunFinished):
        workers[place].handle(run_id).cancel()


def test_a_queued_run_that_no_worker_has_is_cancelled_at_once(here: Worker, storage: AbsentStorage) -> None:
    blocked = Gate()
    for _ in range(2):  # as many as it executes at once
        here.submit(blocked)
    run_id = here.submit(Gate())
    assert here.handle(run_id).cancel().status is RunStatus.CANCELLED
    assert types(here.follow(run_id))[-1] == "error"
    blocked.go_on.set()


def test_who_waits_at_a_paused_run_that_is_deleted_is_told(workers: Workers, storage: AbsentStorage) -> None:
    run_id = paused(workers, Asks("a", "b"))
    reader = Reader(workers["there"].handle(run_id).follow(after=3, heartbeat=20))
    time.sleep(0.2)
    assert storage.runs.delete(run_id, owner=None) is not None
    assert event(reader.all()[-1]).code == "RUN_CANCELLED"
    with pytest.raises(RunNotFound):
        workers["there"].handle(run_id).wait(1)


def test_who_follows_a_pause_while_the_database_is_away_gets_its_end_when_it_is_back(
    workers: Workers, storage: AbsentStorage
) -> None:
    run_id = paused(workers, Asks("a", "b"))
    frames = workers["there"].handle(run_id).follow(heartbeat=0.1)
    got = list(next(frames))
    storage.away = True
    reader = Reader(frames)
    until(lambda: reader.batches.count(()) >= 2)
    storage.away = False
    assert reader.all() == []
    assert types(got) == ["run_start", "token", "paused"]


def test_a_run_that_pauses_and_is_resumed_at_once_is_no_lost_run(
    workers: Workers, storage: AbsentStorage, worker: Callable[..., Worker]
) -> None:
    agent = Asks(*["ab"] * 20)
    for one in workers.values():
        one.agents["a"] = agent
        one.cancels.start()
    live: LiveRun = workers["here"].start(agent)
    for pauses in range(1, 20):
        until(lambda pauses=pauses: len(agent.actions) == pauses)  # type: ignore[misc]
        until(lambda: storage.runs.get(live.run.id, owner=None).status is RunStatus.PAUSED)  # type: ignore[union-attr]
        agent.answer(storage, live.run.id)
        workers["here"].resume(live.run.id)
    run = workers["there"].handle(live.run.id).wait(10)
    while run is not None and run.status is RunStatus.PAUSED:
        run = workers["there"].handle(live.run.id).wait(10)
    assert run is not None
    assert run.status is RunStatus.COMPLETED
