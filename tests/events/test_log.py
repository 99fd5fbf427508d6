"""The event log: what is new of all runs in one commit, with their checkpoints, and who is told."""

from collections.abc import Iterator, Sequence, Set

import pytest

from agentos.domain.checkpoint import Checkpoint
from agentos.domain.event import Frame
from agentos.domain.run import Run
from agentos.errors import StorageError
from agentos.events.log import MOST_FRAMES, EventLog
from agentos.events.stream import EventStream
from agentos.storage.admission import Admission, Lease
from agentos.storage.events import FrameBatch
from agentos.storage.memory import MemoryStorage
from agentos.timers import TimerThread
from parts.waiting import until
from parts.workers import new_run

LEASE = Lease("here", 30)


@pytest.fixture
def timers() -> Iterator[TimerThread]:
    timers = TimerThread()
    yield timers
    timers.close()


class Database(MemoryStorage):
    """Keeps what was appended; ``away`` it fails, ``unsure`` it fails after it has written."""

    def __init__(self) -> None:
        super().__init__()
        self.away = self.unsure = False
        self.appended: list[Sequence[FrameBatch]] = []
        self._append = self.events.append
        self.events.append = self._appended  # type: ignore[method-assign]

    def _appended(self, batches: Sequence[FrameBatch]) -> Set[str]:
        if self.away:
            raise StorageError("the database is away")
        self.appended.append(batches)
        left_out = self._append(batches)
        if self.unsure:
            raise StorageError("the database broke off")
        return left_out


@pytest.fixture
def storage() -> Database:
    return Database()


@pytest.fixture
def notified() -> list[tuple[str, ...]]:
    return []


@pytest.fixture
def log(storage: Database, notified: list[tuple[str, ...]]) -> Iterator[EventLog]:
    log = EventLog(storage, lambda *topics: notified.append(topics))
    yield log
    log.close()


def admitted(storage: Database) -> Run:
    admission = storage.runs.admit(new_run("a"), claim=LEASE, owner=None, history_turns=0)
    assert isinstance(admission, Admission)
    return admission.run


def frames(first: int, last: int) -> list[Frame]:
    return [Frame(number, "token", b"{}") for number in range(first, last + 1)]


def saved(storage: Database, run: Run) -> list[int]:
    return [checkpoint.number for checkpoint in storage.runs.checkpoints(run.id)]


def test_checkpoints_are_saved_in_the_commit_that_has_the_frames_before_them(
    storage: Database, log: EventLog, timers: TimerThread
) -> None:
    run, stream = admitted(storage), EventStream(timers)
    stream.extend(frames(1, 3))
    stream.add_checkpoint(Checkpoint(number=1))
    stream.extend(frames(4, 5))
    stream.add_checkpoint(Checkpoint(number=2))
    log.open(run, stream)
    until(lambda: saved(storage, run) == [1, 2])
    [[batch]] = storage.appended
    assert ([frame.number for frame in batch.frames], batch.attempt) == ([1, 2, 3, 4, 5], 1)
    assert stream.unsaved_checkpoints() == []


def test_a_checkpoint_waits_for_the_frames_before_it_if_they_are_too_many_for_a_commit(
    storage: Database, log: EventLog, timers: TimerThread
) -> None:
    run, stream = admitted(storage), EventStream(timers)
    stream.extend(frames(1, MOST_FRAMES + 1))
    stream.add_checkpoint(Checkpoint(number=1))
    log.open(run, stream)
    until(lambda: saved(storage, run) == [1])
    first, second = [batch for [batch] in storage.appended]
    assert [(len(one.frames), len(one.checkpoints)) for one in (first, second)] == [(MOST_FRAMES, 0), (1, 1)]


def test_a_checkpoint_without_new_frames_is_saved_and_wakes_no_follower(
    storage: Database, log: EventLog, timers: TimerThread, notified: list[tuple[str, ...]]
) -> None:
    run, stream = admitted(storage), EventStream(timers)
    stream.extend(frames(1, 2))
    log.open(run, stream)
    until(lambda: notified)
    stream.add_checkpoint(Checkpoint(number=1))
    until(lambda: saved(storage, run) == [1])
    until(lambda: stream.unsaved_checkpoints() == [])
    assert notified == [(f"run:{run.id}",)]
    assert stream.retains(0)  # what the log has had for one group only is still here


@pytest.mark.parametrize("failure", ["away", "unsure"])
def test_a_commit_that_fails_neither_loses_nor_doubles_a_checkpoint(
    storage: Database, log: EventLog, timers: TimerThread, failure: str, notified: list[tuple[str, ...]]
) -> None:
    run, stream = admitted(storage), EventStream(timers)
    setattr(storage, failure, True)
    stream.extend(frames(1, 2))
    stream.add_checkpoint(Checkpoint(number=1))
    log.open(run, stream)
    until(lambda: len(storage.appended) >= 2 or storage.away)
    stream.extend(frames(3, 3))
    stream.add_checkpoint(Checkpoint(number=2))
    assert notified == []
    setattr(storage, failure, False)
    until(lambda: stream.unsaved_checkpoints() == [])
    assert saved(storage, run) == [1, 2]
    assert [frame.number for frame in storage.events.read(run.id)] == [1, 2, 3]


def test_after_the_release_what_was_not_saved_is_the_callers(
    storage: Database, log: EventLog, timers: TimerThread
) -> None:
    run, stream = admitted(storage), EventStream(timers)
    log.open(run, stream)
    storage.away = True
    stream.extend(frames(1, 2))
    stream.add_checkpoint(Checkpoint(number=1))
    log.release(run.id)
    storage.away = False
    assert [frame.number for frame in stream.unlogged()] == [1, 2]
    assert [checkpoint.number for checkpoint in stream.unsaved_checkpoints()] == [1]
    assert storage.appended == []


def test_checkpoints_of_a_run_that_another_worker_has_are_left_out(
    storage: Database, log: EventLog, timers: TimerThread, notified: list[tuple[str, ...]]
) -> None:
    lost, mine = admitted(storage), admitted(storage)
    stream, other = EventStream(timers, durable=True), EventStream(timers)
    stale = Run(**{**{name: getattr(lost, name) for name in Run.__slots__}, "attempt": 7})
    stream.extend(frames(1, 1))
    stream.add_checkpoint(Checkpoint(number=1))
    other.extend(frames(1, 1))
    log.open(stale, stream)
    log.open(mine, other)
    until(lambda: stream.redirected_to_log)
    until(lambda: notified)
    assert saved(storage, lost) == []
    assert {topic for topics in notified for topic in topics} == {f"run:{mine.id}"}


def test_the_runs_of_a_commit_are_notified_in_one_call_after_it(
    storage: Database, log: EventLog, timers: TimerThread, notified: list[tuple[str, ...]]
) -> None:
    storage.away = True
    runs = [admitted(storage) for _ in range(5)]
    for run in runs:
        stream = EventStream(timers)
        stream.extend(frames(1, 1))
        log.open(run, stream)
    storage.away = False
    until(lambda: notified)
    [topics] = notified
    assert sorted(topics) == sorted(f"run:{run.id}" for run in runs)


def test_a_stream_is_over_with_a_pause_and_its_last_frame_is_yielded(timers: TimerThread) -> None:
    stream = EventStream(timers, durable=True)
    stream.extend(frames(1, 2))
    assert not stream.continues_elsewhere
    stream.append(Frame(3, "paused", b"{}"))
    assert stream.wait(0) == Frame(3, "paused", b"{}")
    assert [frame.number for batch in stream.follow(heartbeat=5) for frame in batch] == [1, 2, 3]
    assert list(stream.follow(3, heartbeat=5)) == []
    assert stream.continues_elsewhere


@pytest.mark.parametrize("last", ["complete", "error"])
def test_a_stream_that_has_the_runs_end_continues_nowhere(timers: TimerThread, last: str) -> None:
    stream = EventStream(timers)
    stream.append(Frame(1, last, b"{}"))
    assert not stream.continues_elsewhere


def test_it_counts_what_it_wrote_and_says_how_far_it_is_behind(
    storage: Database, log: EventLog, timers: TimerThread
) -> None:
    assert log.lag == 0.0
    run, stream = admitted(storage), EventStream(timers)
    stream.extend(frames(1, 3))
    storage.away = True
    log.open(run, stream)
    until(lambda: log.lag > 0.5)
    assert (log.commits, log.events) == (0, 0)
    storage.away = False
    until(lambda: (log.commits, log.events) == (1, 3) and log.lag < 0.4)
    assert log.commit_seconds > 0
    log.release(run.id)
    assert log.lag == 0.0
