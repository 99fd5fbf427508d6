"""The life of a run, on the memory store, with agents that misbehave."""

import threading
import time
from collections.abc import Iterator, Sequence, Set
from types import SimpleNamespace

import pytest

from agentos.domain.event import Frame, Reasoning, Token, ToolCallEvent, Yielded
from agentos.domain.ids import new_id
from agentos.domain.run import Run, RunStatus
from agentos.domain.times import utc_now
from agentos.domain.usage import Usage
from agentos.errors import RunCancelled, SessionNotFound, ShuttingDown, StorageError
from agentos.events.log import PART
from agentos.execution.leases import LeaseKeeper
from agentos.execution.live import LiveRun
from agentos.execution.preparation import Prepared
from agentos.execution.run_limits import RunLimits
from agentos.execution.sweeper import Sweeper
from agentos.execution.worker import Worker
from agentos.runtime.context import RunContext
from agentos.storage.admission import Ended, Lease
from agentos.storage.events import FrameBatch
from agentos.storage.interface import Storage
from agentos.storage.memory import MemoryStorage
from agentos.storage.memory.events import MemoryEventStore
from agentos.storage.memory.runs import MemoryRunStore
from parts.waiting import until
from parts.workers import Speaker, bare_worker, ended, event, new_session, none_here, says


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
def finished() -> list[Run]:
    return []


@pytest.fixture
def worker(storage: Storage, finished: list[Run]) -> Iterator[Worker]:
    worker = bare_worker(storage, on_finished=finished.append)
    yield worker
    worker.drain(0)
    worker.close()


def start(
    worker: Worker,
    agent: object,
    *,
    session_id: str | None = None,
    timeout: float = 10,
    input: str = "Hi",
    max_output: int = 1000,
) -> LiveRun:
    run = Run(
        id=new_id(), agent_id="a", session_id=session_id, status=RunStatus.RUNNING, input=input, created_at=utc_now()
    )
    limits = RunLimits(timeout=timeout, queue_timeout=timeout, history_turns=10, max_output=max_output)
    return worker.start(run, Prepared(agent, limits), owner=None)  # type: ignore[arg-type, return-value]


def events(live: LiveRun) -> list[SimpleNamespace]:
    frames = [frame for batch in live.stream.follow(heartbeat=5) for frame in batch]
    assert [frame.number for frame in frames] == list(range(1, len(frames) + 1))
    return [event(frame) for frame in frames]


def test_complete_is_told_only_after_the_run_is_saved(finished: list[Run]) -> None:
    saving, save = threading.Event(), threading.Event()

    class Slow(MemoryRunStore):
        def finish(self, *args: object, **kwargs: object) -> Ended | None:
            saving.set()
            save.wait(5)
            return super().finish(*args, **kwargs)  # type: ignore[arg-type]

    storage = MemoryStorage()
    storage.runs = Slow(storage.rows)
    worker = bare_worker(storage, on_finished=finished.append)
    live = start(worker, says("Hel", "lo", Usage(3, 2)))
    assert saving.wait(5)
    assert live.stream.wait(0.1) is None
    save.set()

    seen = events(live)
    assert [event.type for event in seen] == ["run_start", "token", "token", "complete"]
    assert seen[-1].output == "Hello"
    saved = storage.runs.get(live.run.id, owner=None)
    assert saved is not None
    assert (saved.status, saved.content, saved.usage) == (RunStatus.COMPLETED, "Hello", Usage(3, 2))
    worker.close()


def test_all_events_are_in_the_log_after_the_end(worker: Worker, storage: Storage) -> None:
    live = start(worker, says("a", "b"))
    ended(live)
    frames = [frame for batch in live.stream.follow(heartbeat=1) for frame in batch]
    assert list(storage.events.read(live.run.id)) == frames


def test_events_of_a_run_under_way_are_logged_before_its_end(worker: Worker, storage: Storage) -> None:
    go_on = threading.Event()

    def stream(context: RunContext) -> Iterator[str]:
        yield "early"
        go_on.wait(5)

    live = start(worker, Speaker(stream))
    deadline = time.monotonic() + 5
    while len(storage.events.read(live.run.id)) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [frame.type for frame in storage.events.read(live.run.id)] == ["run_start", "token"]
    go_on.set()
    ended(live)
    assert [frame.number for frame in storage.events.read(live.run.id)] == [1, 2, 3]


def test_a_run_whose_end_cannot_be_saved_is_not_reported_as_done() -> None:
    class Failing(MemoryRunStore):
        def finish(self, *args: object, **kwargs: object) -> Ended | None:
            raise StorageError("disk full")

    storage = MemoryStorage()
    storage.runs = Failing(storage.rows)
    worker = bare_worker(storage)
    live = start(worker, says("Hello"))
    last = events(live)[-1]
    assert (last.type, last.code) == ("error", "STORAGE_ERROR")
    assert live.run.status is RunStatus.FAILED
    worker.close()


@pytest.mark.parametrize("wrong", [RuntimeError("secret"), KeyError("x"), SystemError()])
def test_an_agent_that_raises_fails_its_run_without_showing_why(
    worker: Worker, wrong: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def stream(context: RunContext) -> Iterator[str]:
        yield "partial"
        raise wrong

    live = start(worker, Speaker(stream))
    run = ended(live)
    assert run.error is not None
    assert (run.status, run.error.code, run.error.details["cause"]) == (
        RunStatus.FAILED,
        "EXECUTION_ERROR",
        "AGENT_FAILED",
    )
    assert run.content == "partial"
    assert "secret" not in run.error.message
    assert "agent raised" in caplog.text


def test_an_agent_that_yields_nonsense_fails_its_run(worker: Worker) -> None:
    run = ended(start(worker, says(42)))  # type: ignore[arg-type]
    assert run.error is not None
    assert "yielded a int" in run.error.message


def test_a_run_that_waits_is_cut_at_its_deadline(worker: Worker) -> None:
    def stream(context: RunContext) -> Iterator[str]:
        yield "a"
        context.cancellation.wait(30)
        yield "b"

    before = time.monotonic()
    run = ended(start(worker, Speaker(stream), timeout=0.3))
    assert 0.25 < time.monotonic() - before < 2
    assert run.error is not None
    assert (run.error.details["cause"], run.content) == ("TIMEOUT", "a")


def test_a_run_that_does_not_listen_is_left_behind_at_its_deadline(worker: Worker, storage: Storage) -> None:
    late = threading.Event()

    def stream(context: RunContext) -> Iterator[str]:
        yield "a"
        late.wait(5)
        yield "too late"

    live = start(worker, Speaker(stream), timeout=0.2)
    run = ended(live)
    late.set()
    assert run.error is not None
    assert run.error.details["cause"] == "TIMEOUT"
    time.sleep(0.1)
    saved = storage.runs.get(run.id, owner=None)
    assert saved is not None
    assert saved.content == "a"
    assert [event.type for event in events(live)] == ["run_start", "token", "error"]


def test_an_answer_without_an_end_is_stopped(worker: Worker) -> None:
    def stream(context: RunContext) -> Iterator[Token]:
        while True:
            yield Token("x" * 100)

    run = ended(start(worker, Speaker(stream)))
    assert run.error is not None
    assert "AGENTOS_MAX_OUTPUT_SIZE" in run.error.message


def test_what_an_agent_yields_together_is_recorded_one_by_one_and_shown_together(worker: Worker) -> None:
    go_on = threading.Event()

    def stream(context: RunContext) -> Iterator[Yielded]:
        go_on.wait(5)
        yield ["a", Token("b"), "", Reasoning("hm"), Usage(1, 2), "c"]
        yield "d"

    live = start(worker, Speaker(stream))
    batches = live.stream.follow(heartbeat=5)
    assert [frame.type for frame in next(batches)] == ["run_start"]
    go_on.set()
    assert [frame.type for frame in next(batches)[:4]] == ["token", "token", "reasoning", "token"]
    run = ended(live)
    assert (run.content, run.reasoning, run.usage) == ("abcd", "hm", Usage(1, 2))
    assert [event.index for event in events(live) if event.type == "token"] == [0, 1, 2, 3]


def test_what_came_together_with_a_mistake_but_before_it_was_said(worker: Worker) -> None:
    live = start(worker, says(["a", "b", 3, "c"]))  # type: ignore[list-item]
    run = ended(live)
    assert run.error is not None
    assert "yielded a int" in run.error.message
    assert [event.type for event in events(live)] == ["run_start", "token", "token", "error"]
    assert run.content == "ab"


def test_an_answer_without_an_end_is_stopped_in_the_middle_of_what_came_together(worker: Worker) -> None:
    run = ended(start(worker, says(["x" * 100] * 20)))
    assert run.error is not None
    assert "AGENTOS_MAX_OUTPUT_SIZE" in run.error.message
    assert run.content == "x" * 1100


def test_a_stopped_run_keeps_what_it_wrote_as_a_whole_turn(worker: Worker, storage: Storage) -> None:
    session_id = new_session(storage)
    spoken = threading.Event()

    def stream(context: RunContext) -> Iterator[str]:
        yield "partial"
        spoken.set()
        context.cancellation.wait(30)

    live = start(worker, Speaker(stream), session_id=session_id)
    assert spoken.wait(5)
    worker.stop(live, RunCancelled("enough"))
    assert ended(live).status is RunStatus.CANCELLED
    history = storage.sessions.history(session_id, owner=None, limit=10)
    assert [(one.message.role, one.message.content) for one in history.messages] == [
        ("user", "Hi"),
        ("assistant", "partial"),
    ]


def test_a_failed_run_leaves_no_half_turn(worker: Worker, storage: Storage) -> None:
    session_id = new_session(storage)

    def stream(context: RunContext) -> Iterator[str]:
        yield "partial"
        raise RuntimeError

    ended(start(worker, Speaker(stream), session_id=session_id))
    assert storage.sessions.history(session_id, owner=None, limit=10).messages == []


def test_runs_of_one_session_happen_one_after_the_other_in_the_order_of_their_admission(
    worker: Worker, storage: Storage
) -> None:
    session_id = new_session(storage)
    under_way: list[str] = []
    most = 0

    def stream(context: RunContext) -> Iterator[str]:
        nonlocal most
        under_way.append(context.run_id)
        most = max(most, len(under_way))
        time.sleep(0.02)
        yield f"{context.input} after {len(context.history) // 2}"
        under_way.remove(context.run_id)

    lives = [start(worker, Speaker(stream), session_id=session_id, input=str(n)) for n in range(6)]
    assert [ended(live).content for live in lives] == [f"{n} after {n}" for n in range(6)]
    assert most == 1
    messages = storage.sessions.history(session_id, owner=None, limit=100).messages
    assert [one.message.content for one in messages if one.message.role == "user"] == list("012345")


def test_runs_of_different_sessions_do_not_wait_for_each_other(worker: Worker, storage: Storage) -> None:
    together = threading.Barrier(3, timeout=5)

    def stream(context: RunContext) -> Iterator[str]:
        together.wait()
        yield "met"

    lives = [start(worker, Speaker(stream), session_id=new_session(storage)) for _ in range(3)]
    assert [ended(live).content for live in lives] == ["met"] * 3


def test_two_interleaved_sessions_never_see_each_other(worker: Worker, storage: Storage) -> None:
    seen: dict[str, list[str]] = {}

    def stream(context: RunContext) -> Iterator[str]:
        seen[context.input] = [message.content for message in context.history]
        yield f"re: {context.input}"

    first, second = new_session(storage), new_session(storage)
    for text, session_id in (("a1", first), ("b1", second), ("a2", first), ("b2", second), ("none", None)):
        ended(start(worker, Speaker(stream), session_id=session_id, input=text))
    assert seen == {"a1": [], "b1": [], "a2": ["a1", "re: a1"], "b2": ["b1", "re: b1"], "none": []}


def test_a_run_in_an_unknown_session_is_refused(worker: Worker) -> None:
    with pytest.raises(SessionNotFound):
        start(worker, says("x"), session_id="nobody")
    assert worker.running() == []


def test_deleting_a_session_ends_its_runs(worker: Worker, storage: Storage) -> None:
    session_id = new_session(storage)

    def stream(context: RunContext) -> Iterator[str]:
        context.cancellation.wait(30)
        yield "late"

    live = start(worker, Speaker(stream), session_id=session_id)
    waiting = start(worker, says("second"), session_id=session_id)
    storage.sessions.delete(session_id, owner=None)
    worker.stop_session(session_id, RunCancelled("its session was deleted"))
    assert [ended(one).status for one in (live, waiting)] == [RunStatus.CANCELLED] * 2
    assert storage.runs.get(live.run.id, owner=None) is None


def test_what_neither_json_nor_postgresql_can_hold_is_replaced(worker: Worker) -> None:
    run = ended(start(worker, says("nul \0 and surrogate \ud800 and \U0001f600")))
    assert run.content == "nul \ufffd and surrogate \ufffd and \U0001f600"


def test_the_observer_sees_each_run_that_ended(worker: Worker, finished: list[Run]) -> None:
    live = start(worker, says("x"))
    ended(live)
    deadline = time.monotonic() + 5
    while not finished and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [run.id for run in finished] == [live.run.id]


def test_closing_waits_for_observers(storage: Storage) -> None:
    seen: list[Run] = []

    def observe(run: Run) -> None:
        time.sleep(0.1)
        seen.append(run)

    worker = bare_worker(storage, on_finished=observe)
    live = start(worker, says("x"))
    ended(live)
    worker.close()
    assert [run.id for run in seen] == [live.run.id]


def test_draining_refuses_new_runs_lets_quick_ones_end_and_ends_slow_ones_visibly(
    worker: Worker, storage: Storage
) -> None:
    def quick(context: RunContext) -> Iterator[str]:
        time.sleep(0.1)
        yield "done"

    def slow(context: RunContext) -> Iterator[str]:
        yield "partial"
        context.cancellation.wait(30)

    lives = [start(worker, Speaker(quick)), start(worker, Speaker(slow))]
    worker.drain(0.5)
    with pytest.raises(ShuttingDown):
        start(worker, says("x"))
    first, second = (ended(live) for live in lives)
    assert (first.status, first.content) == (RunStatus.COMPLETED, "done")
    assert second.error is not None
    assert (second.error.details["cause"], second.content) == ("WORKER_LOST", "partial")
    saved = storage.runs.get(second.id, owner=None)
    assert saved is not None
    assert saved.status is RunStatus.FAILED


def test_many_runs_that_do_not_listen_are_drained_together(worker: Worker) -> None:
    hang = threading.Event()

    def stream(context: RunContext) -> Iterator[str]:
        yield "partial"
        hang.wait(30)

    lives = [start(worker, Speaker(stream)) for _ in range(10)]
    before = time.monotonic()
    worker.drain(0.1)
    assert time.monotonic() - before < 2
    assert {live.run.error.details["cause"] for live in lives if live.run.error} == {"WORKER_LOST"}
    hang.set()


def test_frames_that_are_being_logged_are_not_saved_again_with_the_end(finished: list[Run]) -> None:
    logging, go_on = threading.Event(), threading.Event()
    logged: list[int] = []

    class SlowEvents(MemoryEventStore):
        def append(self, batches: Sequence[FrameBatch]) -> Set[str]:
            logging.set()
            go_on.wait(5)
            logged.extend(frame.number for batch in batches for frame in batch.frames)
            return super().append(batches)

    class NotedRuns(MemoryRunStore):
        def finish(self, run: Run, *, messages: object = (), frames: Sequence[Frame] = ()) -> bool:
            logged.extend(frame.number for frame in frames)
            return super().finish(run, frames=frames)

    def stream(context: RunContext) -> Iterator[str]:
        yield "a"
        logging.wait(5)
        threading.Timer(0.2, go_on.set).start()

    storage = MemoryStorage()
    storage.events, storage.runs = SlowEvents(storage.rows), NotedRuns(storage.rows)
    worker = bare_worker(storage, on_finished=finished.append)
    ended(start(worker, Speaker(stream)))
    assert go_on.wait(5)
    time.sleep(0.1)
    assert logged == [1, 2, 3]
    worker.close()


def test_what_many_runs_say_at_once_is_committed_in_parts() -> None:
    said = PART // 4
    sizes: list[int] = []
    go_on = threading.Event()

    class Measured(MemoryEventStore):
        def append(self, batches: Sequence[FrameBatch]) -> Set[str]:
            sizes.append(sum(len(frame.data) for batch in batches for frame in batch.frames))
            return super().append(batches)

    def stream(context: RunContext) -> Iterator[str]:
        yield "a" * said
        go_on.wait(10)

    storage = MemoryStorage()
    storage.events = Measured(storage.rows)
    worker = bare_worker(storage)
    lives = [start(worker, Speaker(stream), max_output=2 * said) for _ in range(12)]

    until(lambda: sum(sizes) > 12 * said)

    assert max(sizes) < PART + 2 * said
    go_on.set()
    assert {ended(live).status for live in lives} == {RunStatus.COMPLETED}
    assert [len(storage.events.read(live.run.id)) for live in lives] == [3] * 12
    worker.close()


def test_the_runs_of_a_lost_worker_are_ended_with_what_they_had_logged(worker: Worker, storage: Storage) -> None:
    session_id = new_session(storage)
    gone = bare_worker(storage, name="gone", lease=0.2)
    blocked = threading.Event()

    def stream(context: RunContext) -> Iterator[Yielded]:
        yield "Let me see."
        yield ToolCallEvent("1", "add", {}, "started")
        yield ToolCallEvent("1", "add", {}, "completed", result="3")
        yield "partial"
        blocked.wait(10)

    lost = start(gone, Speaker(stream), session_id=session_id)
    behind = start(worker, says("next"), session_id=session_id)
    time.sleep(0.4)
    lease = Lease("me", 30)
    Sweeper(storage, worker, lease, LeaseKeeper(storage, worker, lease), prepare=none_here).sweep()

    saved = storage.runs.get(lost.run.id, owner=None)
    assert saved is not None
    assert saved.error is not None
    assert (saved.error.details["cause"], saved.content) == ("WORKER_LOST", "partial")
    assert storage.events.read(lost.run.id)[-1].type == "error"
    assert ended(behind).content == "next"

    blocked.set()
    assert ended(lost).status is not RunStatus.COMPLETED
    assert storage.runs.get(lost.run.id, owner=None) == saved


def test_a_worker_that_lost_its_lease_stops_the_run(storage: Storage) -> None:
    slow = bare_worker(storage, name="slow", lease=0.1)

    def stream(context: RunContext) -> Iterator[str]:
        yield "x"
        context.cancellation.wait(30)

    live = start(slow, Speaker(stream))
    time.sleep(0.3)
    assert storage.runs.claim(live.run.id, Lease("other", 30), now=utc_now()) is not None
    keeper = LeaseKeeper(storage, slow, Lease("slow", 0.1))
    keeper.renew()
    until(lambda: live.cancellation.cause is not None)
    keeper.renew()
    assert keeper.lost == 1
    assert live.stream.wait(5) is None  # how it ends is not this worker's to say
    assert live.stream.redirected_to_log
    slow.close()
