"""What signals between workers make quick, and that nothing depends on them."""

import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest

from agentos.domain.run import BusyPolicy, RunStatus
from agentos.events.log import INTERVAL
from agentos.execution.log_follower import POLL
from agentos.execution.run_handle import RunHandle
from agentos.execution.signals import GuardedSignals, Signals
from agentos.runtime.context import RunContext
from agentos.testing import SharedSignals
from parts.following import Reader
from parts.waiting import until
from parts.workers import AbsentStorage, Asks, Gate, Speaker, Worker, ended, new_session, numbers

LONG = 60.0
"""Seconds between two looks at the database where a test is about signals."""

SOON = 2.0
"""Seconds in which a signal must have come on a busy machine."""

Connect = Callable[[str], Worker]


@pytest.fixture
def shared() -> SharedSignals:
    return SharedSignals()


@pytest.fixture
def connect(worker: Callable[..., Worker], shared: SharedSignals) -> Connect:
    return lambda name: worker(name, signals=shared.connect())


def patient(worker: Worker, run_id: str) -> RunHandle:
    """Return a handle that looks at the database by itself only after a long time."""
    return worker.handle(run_id, poll=LONG)


def watch(worker: Worker, **options: Any) -> None:
    """Let a worker find out that its runs were asked to stop."""
    worker.watch_cancels(**options)
    until(lambda: any(topic.startswith("worker:") for topic in worker.signals._listeners))


def test_an_event_is_seen_at_another_worker_as_soon_as_it_is_logged(connect: Connect) -> None:
    here, there = connect("here"), connect("there")
    gate = Gate(["a", "b"], ["c"])
    live = here.start(gate)
    reader = Reader(patient(there, live.run.id).follow(heartbeat=LONG))
    until(lambda: numbers(reader.frames) == [1, 2, 3], SOON)
    gate.go_on.set()
    started = time.monotonic()
    assert numbers(reader.all()) == [1, 2, 3, 4, 5]
    assert time.monotonic() - started < SOON


def test_without_signals_an_event_is_seen_within_the_polling_interval(here: Worker, there: Worker) -> None:
    said: list[float] = []
    seen: list[float] = []

    def stream(context: RunContext) -> Iterator[str]:
        for _ in range(8):
            time.sleep(0.23)
            said.append(time.monotonic())
            yield "x"

    live = here.start(Speaker(stream))
    for batch in there.handle(live.run.id).follow(heartbeat=20):
        seen += [time.monotonic()] * sum(frame.type == "token" for frame in batch)
    late = sorted(after - before for before, after in zip(said, seen, strict=True))
    assert late[len(late) // 2] < INTERVAL + POLL + 0.1


def test_waiting_at_another_worker_ends_with_the_run(connect: Connect) -> None:
    here, there = connect("here"), connect("there")
    gate = Gate([], ["a"])
    live = here.start(gate)
    threading.Timer(0.2, gate.go_on.set).start()
    started = time.monotonic()
    run = patient(there, live.run.id).wait(LONG)
    assert run is not None
    assert (run.status, run.content) == (RunStatus.COMPLETED, "a")
    assert time.monotonic() - started < SOON


def test_a_pause_and_a_resume_are_seen_at_another_worker_at_once(connect: Connect, storage: AbsentStorage) -> None:
    here, there = connect("here"), connect("there")
    agent = Asks("a", "b")
    here.agents["a"] = agent
    live = here.start(agent)
    started = time.monotonic()
    run = patient(there, live.run.id).wait(LONG)
    assert run is not None
    assert run.status is RunStatus.PAUSED
    reader = Reader(patient(there, run.id).follow(after=3, heartbeat=LONG))
    until(lambda: here.worker.get(run.id) is None)
    agent.answer(storage, run.id)
    here.resume(run.id)
    assert numbers(reader.all()) == [4, 5, 6]
    assert time.monotonic() - started < 2 * SOON


def test_a_run_is_cancelled_from_another_worker_at_once(connect: Connect) -> None:
    here, there = connect("here"), connect("there")
    gate = Gate(["partial"])
    live = here.start(gate)
    watch(here, seconds=LONG)
    assert gate.waiting.wait(5)
    started = time.monotonic()
    there.handle(live.run.id).cancel()
    assert ended(live).status is RunStatus.CANCELLED
    assert time.monotonic() - started < SOON


def test_a_run_is_interrupted_from_another_worker_at_once(connect: Connect, storage: AbsentStorage) -> None:
    here, there = connect("here"), connect("there")
    session_id = new_session(storage)
    gate = Gate(["partial"])
    live = here.start(gate, session_id=session_id)
    watch(here, seconds=LONG)
    assert gate.waiting.wait(5)
    started = time.monotonic()
    there.start(Asks("a"), session_id=session_id, concurrency=BusyPolicy.INTERRUPT)
    assert ended(live).status is RunStatus.CANCELLED
    assert time.monotonic() - started < SOON


def test_many_requests_to_stop_are_all_found(connect: Connect) -> None:
    here, there = connect("here"), connect("there")
    runs = [here.start(Gate()) for _ in range(20)]
    watch(here, seconds=LONG)
    threads = [threading.Thread(target=there.handle(live.run.id).cancel) for live in runs]
    for thread in threads:
        thread.start()
    started = time.monotonic()
    assert {ended(live).status for live in runs} == {RunStatus.CANCELLED}
    assert time.monotonic() - started < 2 * SOON


class Broken(Signals):
    def notify(self, *topics: str) -> None:
        raise RuntimeError("no connection")


def silent() -> Signals:
    shared = SharedSignals()
    shared.silent = True
    return shared.connect()


@pytest.mark.parametrize("make", [lambda: GuardedSignals(Broken(), "redis"), silent], ids=["broken", "silent"])
def test_nothing_is_lost_where_signals_are(
    worker: Callable[..., Worker], storage: AbsentStorage, make: Callable[[], Signals]
) -> None:
    here, there = (worker(name, signals=make()) for name in ("here", "there"))
    agent = Asks(["a"], ["b"])
    here.agents["a"] = agent
    live = here.start(agent)
    here.watch_cancels()
    assert there.handle(live.run.id).wait(10).status is RunStatus.PAUSED  # type: ignore[union-attr]
    reader = Reader(there.handle(live.run.id).follow(after=3, heartbeat=20))
    until(lambda: here.worker.get(live.run.id) is None)
    agent.answer(storage, live.run.id)
    here.resume(live.run.id)
    assert numbers(reader.all()) == [4, 5, 6]
    gate = Gate()
    stopped = here.start(gate)
    there.handle(stopped.run.id).cancel()
    assert ended(stopped).status is RunStatus.CANCELLED


def test_what_follows_at_another_worker_leaves_nothing_behind(connect: Connect) -> None:
    here, there = connect("here"), connect("there")
    for _ in range(5):
        live = here.start(Gate([], ["a"]))
        left = there.handle(live.run.id).follow(heartbeat=0.01)
        next(left)
        assert there.signals._listeners
        left.close()  # type: ignore[attr-defined]
        assert there.handle(live.run.id).wait(0.01) is None
    assert there.signals._listeners == {}


def test_heartbeats_come_in_time_however_rarely_the_database_is_asked(connect: Connect) -> None:
    here, there = connect("here"), connect("there")
    live = here.start(Gate())
    follower = patient(there, live.run.id).follow(after=1, heartbeat=0.1)
    times = []
    for _ in range(4):
        assert next(follower) == ()
        times.append(time.monotonic())
    assert all(0.09 < later - earlier < SOON for earlier, later in pairwise(times))
