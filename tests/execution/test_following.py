"""A run's events, from the worker that executes it and from any other: each once, in order, from any place on."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

import pytest

from agentos.domain.event import Frame
from agentos.domain.ids import new_id
from agentos.domain.run import RunStatus
from agentos.domain.times import utc_now
from agentos.errors import EventsExpired, RunNotFound
from agentos.execution.log_follower import PAGE
from agentos.runtime.context import RunContext
from parts.following import Reader
from parts.waiting import until
from parts.workers import AbsentStorage, Gate, Speaker, Worker, ended, event, new_session, numbers, says


def lose(storage: AbsentStorage, owner: Worker, finder: Worker, run_id: str) -> None:
    """Let a worker be found dead; it was made with a short lease."""
    owner.die()
    until(lambda: finder.sweeper.sweep() or storage.runs.get(run_id, owner=None).status.finished)


@pytest.fixture
def doomed(worker: Callable[..., Worker]) -> Worker:
    """A worker whose lease nobody renews."""
    return worker("doomed", lease=0.2)


def test_an_ended_run_is_replayed_by_any_worker(here: Worker, there: Worker) -> None:
    live = here.start(says("a", "b", "c"))
    ended(live)
    frames = there.follow(live.run.id)
    assert [event(frame).type for frame in frames] == ["run_start", "token", "token", "token", "complete"]
    assert frames == [frame for batch in live.stream.follow(heartbeat=1) for frame in batch]


def test_another_worker_follows_a_run_while_it_goes_on(here: Worker, there: Worker) -> None:
    gate = Gate(["a", "b"], ["c"])
    live = here.start(gate)
    reader = Reader(there.handle(live.run.id).follow(heartbeat=20))
    until(lambda: numbers(reader.frames) == [1, 2, 3])
    gate.go_on.set()
    frames = reader.all()
    assert numbers(frames) == [1, 2, 3, 4, 5]
    assert [event(frame).type for frame in frames[-2:]] == ["token", "complete"]


@pytest.mark.parametrize("who", ["here", "there"])
@pytest.mark.parametrize("after", range(6))
def test_exactly_what_was_missed_comes(
    request: pytest.FixtureRequest, here: Worker, there: Worker, who: str, after: int
) -> None:
    gate = Gate(["a", "b"], ["c"])
    live = here.start(gate)
    assert gate.waiting.wait(5)
    reader = Reader(request.getfixturevalue(who).handle(live.run.id).follow(after=after, heartbeat=20))
    time.sleep(0.15)
    gate.go_on.set()
    assert numbers(reader.all()) == list(range(after + 1, 6))
    assert numbers(request.getfixturevalue(who).follow(live.run.id, after=after)) == list(range(after + 1, 6))


def test_a_log_of_many_pages_comes_whole(here: Worker, there: Worker) -> None:
    count = 2 * PAGE + 10
    live = here.start(says(*["x"] * count))
    ended(live)
    assert numbers(there.follow(live.run.id)) == list(range(1, count + 3))


def test_who_joined_by_reconnecting_again_and_again_has_each_event_once(here: Worker, there: Worker) -> None:
    def stream(context: RunContext) -> Iterator[str]:
        for number in range(60):
            yield f"{number} "
            time.sleep(0.02)

    live = here.start(Speaker(stream))
    got: list[Frame] = []
    for visit in range(200):
        last = got[-1].number if got else 0
        for batch in (here, there)[visit % 2].handle(live.run.id).follow(after=last, heartbeat=0.05):
            got += batch
            break  # the connection is cut after its first write
        if got and got[-1].last:
            break
    assert numbers(got) == list(range(1, 63))
    assert "".join(event(frame).token for frame in got[1:-1]) == "".join(f"{number} " for number in range(60))


def test_a_silent_run_shows_that_it_is_alive(here: Worker, there: Worker) -> None:
    gate = Gate()
    live = here.start(gate)
    for one in (here, there):
        reader = Reader(one.handle(live.run.id).follow(after=1, heartbeat=0.2))
        time.sleep(1.1)
        assert 2 <= reader.batches.count(()) + reader.batches.count([]) <= 6


def test_a_run_that_does_not_exist_is_not_found(here: Worker) -> None:
    with pytest.raises(RunNotFound):
        here.handle(new_id()).follow(heartbeat=1)
    with pytest.raises(RunNotFound):
        here.handle(new_id()).wait(1)


def test_a_log_that_was_thrown_away_is_expired(here: Worker, there: Worker, storage: AbsentStorage) -> None:
    live = here.start(says("a"))
    ended(live)
    until(lambda: here.worker.get(live.run.id) is None)
    assert storage.events.delete_old(ended_before=utc_now() + timedelta(seconds=1), limit=10) == 1
    for one in (here, there):
        with pytest.raises(EventsExpired, match="are not kept any more"):
            one.handle(live.run.id).follow(after=2, heartbeat=1)


def test_who_follows_a_run_whose_session_is_deleted_elsewhere_is_told(
    here: Worker, there: Worker, storage: AbsentStorage
) -> None:
    session_id = new_session(storage)
    gate = Gate(["a"])
    live = here.start(gate, session_id=session_id)
    reader = Reader(there.handle(live.run.id).follow(heartbeat=20))
    until(lambda: len(reader.frames) == 2)
    storage.sessions.delete(session_id, owner=None)
    last = event(reader.all()[-1])
    assert (last.number, last.type, last.code) == (3, "error", "RUN_CANCELLED")
    assert last.details == {"run_id": live.run.id}


@pytest.mark.parametrize("ahead", [1, 3 * PAGE])
def test_who_saw_events_that_were_lost_with_their_worker_still_hears_the_end(
    doomed: Worker, here: Worker, storage: AbsentStorage, ahead: int
) -> None:
    gate = Gate(["a"], ["lost "] * ahead)
    live = doomed.start(gate)
    until(lambda: len(storage.events.read(live.run.id)) == 2)
    storage.free.clear()  # what is said from now on never reaches the log
    seen = Reader(doomed.handle(live.run.id).follow(heartbeat=20))
    hang = threading.Event()
    gate.after = _then(["lost "] * ahead, hang)
    gate.go_on.set()
    until(lambda: len(seen.frames) == 2 + ahead)
    lose(storage, doomed, here, live.run.id)

    [last] = here.follow(live.run.id, after=2 + ahead)
    assert (last.number, event(last).type, event(last).details["cause"]) == (3, "error", "WORKER_LOST")
    assert numbers(here.follow(live.run.id)) == [1, 2, 3]
    hang.set()


def _then(words: Sequence[str], hang: threading.Event) -> Iterator[str]:
    yield from words
    hang.wait(20)


def test_who_has_heard_the_end_is_told_nothing_more(here: Worker, there: Worker) -> None:
    live = here.start(says("a"))
    ended(live)
    until(lambda: here.worker.get(live.run.id) is None)
    before = time.monotonic()
    assert there.follow(live.run.id, after=3) == []
    assert [frame for batch in live.stream.follow(3, heartbeat=20) for frame in batch] == []
    assert time.monotonic() - before < 2


def test_who_follows_while_the_database_is_away_goes_on_when_it_is_back(
    here: Worker, there: Worker, storage: AbsentStorage
) -> None:
    gate = Gate(["a"], ["b"])
    live = here.start(gate)
    reader = Reader(there.handle(live.run.id).follow(heartbeat=0.2))
    until(lambda: len(reader.frames) == 2)
    storage.away = True
    silent = len(reader.batches)
    time.sleep(1.5)  # longer than it takes to ask whether the run is still there
    assert len(reader.batches) - silent >= 3
    storage.away = False
    gate.go_on.set()
    assert numbers(reader.all()) == [1, 2, 3, 4]


def test_a_durable_stream_shows_only_what_cannot_be_lost(here: Worker, storage: AbsentStorage) -> None:
    storage.free.clear()
    gate = Gate(["a", "b", "c"], ["d"])
    live = here.start(gate, durable=True)
    assert gate.waiting.wait(5)
    reader = Reader(here.handle(live.run.id).follow(heartbeat=20))
    time.sleep(0.3)
    assert reader.batches == []
    storage.free.set()
    until(lambda: len(reader.frames) == 4)
    assert len(storage.events.read(live.run.id)) == 4
    gate.go_on.set()
    assert numbers(reader.all()) == [1, 2, 3, 4, 5, 6]


def test_waiting_for_a_run_ends_with_it_wherever_it_executes(
    here: Worker, there: Worker, storage: AbsentStorage
) -> None:
    session_id = new_session(storage)
    gate = Gate([], ["a"])
    live = here.start(gate, session_id=session_id)
    for one in (here, there):
        assert one.handle(live.run.id).wait(0.2) is None
    gate.go_on.set()
    for one in (here, there):
        run = one.handle(live.run.id).wait(5)
        assert run is not None
        assert (run.status, run.content) == (RunStatus.COMPLETED, "a")
    until(lambda: here.worker.get(live.run.id) is None)
    storage.sessions.delete(session_id, owner=None)
    with pytest.raises(RunNotFound):
        there.handle(live.run.id).wait(1)


# --- who is so far behind that memory has let go of what comes next ------------------------------------------------


class Talker:
    """An agent that says a number every millisecond until it is enough."""

    def __init__(self) -> None:
        self.enough = threading.Event()

    def stream(self, context: RunContext) -> Iterator[str]:
        for number in itertools.count():
            if self.enough.wait(0.001):
                return
            context.cancellation.check()
            yield f"{number} "


@pytest.fixture
def talker() -> Iterator[Talker]:
    talker = Talker()
    yield talker
    talker.enough.set()


def whole(frames: Sequence[Frame]) -> bool:
    """Tell whether these are all frames of a run, each once and in order."""
    return numbers(frames) == list(range(1, len(frames) + 1)) and [frame.last for frame in frames].index(True) == (
        len(frames) - 1
    )


@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize("ended_before", [False, True], ids=["goes on", "has ended"])
def test_a_slow_reader_gets_in_the_end_what_memory_has_let_go_of(
    here: Worker, talker: Talker, ended_before: bool, durable: bool
) -> None:
    live = here.start(talker, durable=durable)
    slow = here.handle(live.run.id).follow(heartbeat=20)
    got = list(next(slow))
    until(lambda: not live.stream.retains(got[-1].number + 50))
    if ended_before:
        talker.enough.set()
        ended(live)
    reader = Reader(slow)
    if not ended_before:
        until(lambda: live.stream.retains(reader.frames[-1].number) if reader.frames else False)
        talker.enough.set()
    assert whole(got + reader.all())


def test_a_late_reader_comes_back_to_memory_when_it_has_caught_up(
    here: Worker, talker: Talker, storage: AbsentStorage
) -> None:
    live = here.start(talker)
    until(lambda: not live.stream.retains(50))
    reader = Reader(here.handle(live.run.id).follow(heartbeat=20))
    until(lambda: reader.frames)
    storage.free.clear()  # what is said from now on is in memory alone
    behind = live.stream.next_number + 50
    until(lambda: reader.frames[-1].number > behind)
    storage.free.set()
    talker.enough.set()
    assert whole(reader.all())


def test_who_has_caught_up_is_delivered_to_as_anybody(here: Worker, talker: Talker) -> None:
    live = here.start(talker)
    until(lambda: not live.stream.retains(50))
    came: list[Sequence[Frame]] = []
    delivered = threading.Event()

    def deliver(frames: Sequence[Frame]) -> bool:
        came.append(frames)
        delivered.set()
        return True

    reader = Reader(here.handle(live.run.id).follow(heartbeat=20, sink=deliver), came)
    assert delivered.wait(10)
    talker.enough.set()
    assert whole(reader.all())


def test_readers_that_are_behind_wait_for_a_database_that_is_away(
    here: Worker, talker: Talker, storage: AbsentStorage
) -> None:
    live = here.start(talker)
    slow = here.handle(live.run.id).follow(heartbeat=0.1)
    got = list(next(slow))
    until(lambda: not live.stream.retains(got[-1].number + 50))
    storage.away = True
    readers = [Reader(slow), Reader(here.handle(live.run.id).follow(heartbeat=0.1))]
    until(lambda: all(len(reader.batches) >= 3 for reader in readers))
    assert [reader.frames for reader in readers] == [[], []]  # they say that they are alive, and nothing else
    storage.away = False
    until(lambda: all(reader.frames for reader in readers))
    talker.enough.set()
    assert whole(got + readers[0].all())
    assert whole(readers[1].all())


def test_a_reader_that_is_behind_hears_an_end_when_the_session_is_deleted(
    here: Worker, talker: Talker, storage: AbsentStorage
) -> None:
    session_id = new_session(storage)
    live = here.start(talker, session_id=session_id)
    slow = here.handle(live.run.id).follow(heartbeat=20)
    got = list(next(slow))
    until(lambda: not live.stream.retains(got[-1].number))
    storage.sessions.delete(session_id, owner=None)
    frames = got + Reader(slow).all()
    assert whole(frames)
    assert event(frames[-1]).code == "RUN_CANCELLED"


def test_a_long_run_takes_no_more_memory_than_what_is_new_though_somebody_reads_nothing(
    here: Worker, storage: AbsentStorage
) -> None:
    at_once, times = 500, 10

    def stream(context: RunContext) -> Iterator[list[str]]:
        for said in range(at_once, (times + 1) * at_once, at_once):
            yield [f"{number} " for number in range(at_once)]
            until(lambda said=said: storage.events.read(context.run_id, after=said))  # type: ignore[misc]

    live = here.start(Speaker(stream))
    slow = here.handle(live.run.id).follow(heartbeat=20)
    got = list(next(slow))
    ended(live)
    count = live.stream.next_number - 1
    held = sum(live.stream.retains(after) for after in range(count))
    assert count == times * at_once + 2
    assert held <= 2 * at_once + 2  # a group is one burst, or parts of two
    assert whole(got + Reader(slow).all())
