"""Background runs: not more at once than allowed, in the order they came, and refused when too many wait."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agentos.bootstrap import build
from agentos.config import Config
from agentos.domain.ids import new_id
from agentos.domain.principal import OPERATOR
from agentos.domain.run import BusyPolicy, RunStatus
from agentos.domain.run_request import RunRequest
from agentos.domain.stored_request import RunMode
from agentos.errors import RateLimited, SessionBusy, SessionNotFound
from agentos.execution.executor import EmbeddedExecutor
from agentos.hookspecs import hookimpl
from agentos.registrations import RegisterExecutor, RegisterStorageBackend
from agentos.services.services import Services
from agentos.storage.idempotency import IdempotencyKey
from agentos.storage.memory import MemoryStorage
from agentos.storage.paging import Paging
from agentos.storage.runs import RunFilter
from parts.waiting import until
from parts.workers import AbsentStorage, Gate, Worker, ended, new_session, says

ROOM = 2


class Work:
    """Executes runs by noting that they begin and waiting for their end to be allowed."""

    def __init__(self, executor: EmbeddedExecutor, count: int) -> None:
        self.begun: list[int] = []
        self.gates = [threading.Event() for _ in range(count)]
        executor.start(self.execute)
        for number in range(count):
            executor.submit(str(number))

    def execute(self, run_id: str) -> None:
        self.begun.append(int(run_id))
        self.gates[int(run_id)].wait(10)


def test_no_more_runs_than_allowed_are_executed_at_once_and_the_first_come_first() -> None:
    work = Work(EmbeddedExecutor(limit=2), 5)
    until(lambda: len(work.begun) == 2)
    assert threading.Event().wait(0.1) is False
    assert sorted(work.begun) == [0, 1]
    for number in range(5):
        work.gates[number].set()
        until(lambda: len(work.begun) == min(5, number + 3))  # noqa: B023 - called at once
        assert work.begun[-1] == min(4, number + 2)


def test_a_run_that_waits_is_executed_once_however_often_it_is_submitted() -> None:
    executor = EmbeddedExecutor(limit=1)
    work = Work(executor, 3)
    until(lambda: work.begun == [0])
    for run_id in ("2", "1", "2"):
        executor.submit(run_id)
    for gate in work.gates:
        gate.set()
    until(lambda: len(work.begun) == 3)
    assert threading.Event().wait(0.1) is False
    assert work.begun == [0, 1, 2]


def test_a_run_that_raises_costs_no_place(caplog: pytest.LogCaptureFixture) -> None:
    executor = EmbeddedExecutor(limit=1)
    executed: list[str] = []

    def execute(run_id: str) -> None:
        executed.append(run_id)
        raise RuntimeError("a bug")

    executor.start(execute)
    with caplog.at_level(logging.ERROR):
        for run_id in ("1", "2"):
            executor.submit(run_id)
        until(lambda: executed == ["1", "2"])
    until(lambda: "executing a background run raised" in caplog.text)


def test_what_waits_when_the_executor_is_closed_is_not_begun() -> None:
    executor = EmbeddedExecutor(limit=1)
    work = Work(executor, 2)
    until(lambda: work.begun == [0])
    executor.close()
    work.gates[0].set()
    assert threading.Event().wait(0.1) is False
    assert work.begun == [0]


def test_a_background_run_is_queued_and_has_no_worker_until_the_executor_begins_it(
    worker: Callable[..., Worker],
) -> None:
    here = worker("here", background=1)
    first, second = Gate(["a"]), Gate(["b"])
    ids = [here.submit(gate) for gate in (first, second)]
    assert first.waiting.wait(5)
    found = [here.storage.runs.get(run_id, owner=None) for run_id in ids]
    assert [(run.status, run.attempt) for run in found] == [(RunStatus.RUNNING, 1), (RunStatus.QUEUED, 0)]
    first.go_on.set()
    assert second.waiting.wait(5)
    second.go_on.set()
    assert [here.handle(run_id).wait(5).content for run_id in ids] == ["a", "b"]


def test_a_background_run_keeps_its_place_in_its_session(worker: Callable[..., Worker]) -> None:
    here = worker("here", background=1)
    session_id = new_session(here.storage)
    busy = Gate()
    here.submit(busy)
    assert busy.waiting.wait(5)
    held = here.submit(says("first"), session_id=session_id, input="1")
    behind = here.start(says("second"), session_id=session_id, input="2")
    assert behind.stream.wait(0.3) is None
    busy.go_on.set()
    assert here.handle(held).wait(5).content == "first"
    ended(behind)
    said = here.storage.sessions.history(session_id, owner=None, limit=10).messages
    assert [one.message.content for one in said] == ["1", "first", "2", "second"]


def test_the_end_of_a_run_begins_the_next_background_run_of_its_session(worker: Callable[..., Worker]) -> None:
    here, there = worker("here"), worker("there")
    session_id = new_session(here.storage)
    gate = Gate()
    first = here.start(gate, session_id=session_id, input="1")
    assert gate.waiting.wait(5)
    # Submitted where nothing looks after it again; the worker in which the first run ends has to.
    waits = there.submit(says("2"), session_id=session_id, input="2")
    here.agents |= there.agents
    time.sleep(0.2)
    assert here.storage.runs.get(waits, owner=None).status is RunStatus.QUEUED
    gate.go_on.set()
    ended(first)
    assert here.handle(waits).wait(2).content == "2"
    assert [run.id for run in there.finished] == []


def test_background_runs_of_one_session_happen_in_their_order(here: Worker) -> None:
    session_id = new_session(here.storage)
    ids = [here.submit(says(str(number)), session_id=session_id, input="?") for number in range(8)]
    assert [here.handle(run_id).wait(10).content for run_id in ids] == [str(number) for number in range(8)]
    said = here.storage.sessions.history(session_id, owner=None, limit=100).messages
    assert [one.message.content for one in said if one.message.role == "assistant"] == list("01234567")


def test_a_background_run_whose_agent_is_gone_by_its_turn_fails_and_says_so(worker: Callable[..., Worker]) -> None:
    here = worker("here", background=1)
    gate = Gate()
    here.submit(gate)
    assert gate.waiting.wait(5)
    orphan = here.submit(says("never"))
    here.agents.clear()
    gate.go_on.set()
    run = here.handle(orphan).wait(5)
    assert (run.status, run.error.code) == (RunStatus.FAILED, "AGENT_NOT_FOUND")
    assert here.storage.events.read(orphan)[-1].type == "error"


def test_a_background_run_that_waits_too_long_for_its_turn_fails(worker: Callable[..., Worker]) -> None:
    here = worker("here", background_wait=0.3)
    session_id = new_session(here.storage)
    gate = Gate()
    first = here.start(gate, session_id=session_id)
    run = here.handle(here.submit(says("late"), session_id=session_id)).wait(5)
    assert (run.status, run.error.details["phase"]) == (RunStatus.FAILED, "queued")
    gate.go_on.set()
    assert ended(first).status is RunStatus.COMPLETED


class Broken(EmbeddedExecutor):
    """An executor of a plugin that fails as long as it is told to."""

    fails = True

    def submit(self, run_id: str) -> None:
        if self.fails:
            raise OSError("the broker is away")
        super().submit(run_id)


def test_a_run_that_the_executor_does_not_take_is_accepted_and_submitted_again_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken = Broken(limit=1)

    class Plugin:
        @hookimpl
        def register_executors(self, register: RegisterExecutor) -> None:
            register("broken", lambda config: broken)

    storage = Soon()
    config = Config(environ={}, database_url="soon://", model="scripted:echo", executor="broken", plugins=())
    services = build(config, plugins={"soon": storage, "broker": Plugin()})
    handle = services.runs.start(request())
    (line,) = [record for record in caplog.records if "executor did not take" in record.message]
    assert (line.plugin, line.run_id) == ("broker", handle.run_id)  # type: ignore[attr-defined]
    assert handle.get().status is RunStatus.QUEUED
    broken.fails = False
    services.sweeper.sweep()
    assert handle.wait(5).status is RunStatus.COMPLETED
    services.drain(0)
    services.close()


def test_a_run_that_waits_for_its_turn_outlives_an_outage(here: Worker, storage: AbsentStorage) -> None:
    session_id = new_session(storage)
    gate = Gate()
    first = here.start(gate, session_id=session_id)
    behind = here.start(says("second"), session_id=session_id)
    storage.away = True
    time.sleep(0.5)
    assert behind.stream.last is None
    storage.away = False
    gate.go_on.set()
    ended(first)
    assert ended(behind).content == "second"


class Soon(MemoryStorage):
    """Takes each run that is not claimed at once for one that was missed."""

    def __init__(self) -> None:
        super().__init__()
        admit = self.runs.admit
        self.runs.admit = lambda run, **options: admit(run, **options, claim_within=0)  # type: ignore[method-assign]

    @hookimpl
    def register_storage_backends(self, register: RegisterStorageBackend) -> None:
        register("soon", lambda url, config: self)


class Racing(MemoryStorage):
    """Sees a request that was made before only when a run is admitted: until then, the first one was not committed."""

    def __init__(self) -> None:
        super().__init__()
        self.idempotency.find = lambda key: None  # type: ignore[method-assign]

    @hookimpl
    def register_storage_backends(self, register: RegisterStorageBackend) -> None:
        register("racing", lambda url, config: self)


@pytest.fixture
def services() -> Iterator[Services]:
    """A worker with room for one background run and for one that waits, and an agent that takes its time."""
    config = Config(environ={}, database_url="racing://", model="scripted:echo", background_limit=1, background_queue=1)
    services = build(config, plugins={"racing": Racing()})
    services.agents.register({"id": "slow", "model": "scripted:slow-100x0.05"})
    yield services
    services.drain(0)
    services.close()


def request(agent_id: str = "assistant", **more: Any) -> RunRequest:
    return RunRequest(**{"caller": OPERATOR, "agent_id": agent_id, "input": "Hi", "mode": RunMode.BACKGROUND, **more})


@pytest.mark.parametrize("error", [SessionNotFound, SessionBusy])
def test_a_run_that_is_refused_takes_no_room(services, error: type[Exception]) -> None:
    session, _ = services.sessions.create("assistant", caller=OPERATOR)
    services.runs.start(request("slow", session_id=session.id, mode=RunMode.STREAMED))
    refused = {
        SessionNotFound: request(session_id=new_id()),
        SessionBusy: request(session_id=session.id, concurrency=BusyPolicy.REJECT),
    }
    for _ in range(ROOM):
        with pytest.raises(error):
            services.runs.start(refused[error])
    assert services.runs.start(request()).wait(5).status is RunStatus.COMPLETED


def test_a_run_that_is_asked_for_again_takes_no_room(services) -> None:
    key = IdempotencyKey(owner="me", route="run", key="k", fingerprint="f")
    first = services.runs.start(request(idempotency=key))
    assert first.wait(5).status is RunStatus.COMPLETED
    repeats = [services.runs.start(request(idempotency=key)) for _ in range(ROOM)]
    assert [(again.replayed, again.run_id) for again in repeats] == [(True, first.run_id)] * ROOM
    assert services.runs.start(request()).wait(5).status is RunStatus.COMPLETED


def test_a_background_run_beyond_those_that_may_wait_is_refused_and_leaves_nothing(services) -> None:
    under_way = services.runs.start(request("slow"))
    until(lambda: under_way.get().status is RunStatus.RUNNING)
    waits = services.runs.start(request("slow"))
    with pytest.raises(RateLimited, match="AGENTOS_BACKGROUND_QUEUE") as refused:
        services.runs.start(request("slow"))
    assert refused.value.retry_after
    accepted = {under_way.run_id, waits.run_id}
    assert {run.id for run in services.runs.list(RunFilter(), Paging(), OPERATOR).items} == accepted


def test_runs_that_a_client_waits_for_need_no_room_among_those_in_the_background(services) -> None:
    under_way = services.runs.start(request("slow"))
    until(lambda: under_way.get().status is RunStatus.RUNNING)
    services.runs.start(request("slow"))
    assert services.runs.start(request(mode=RunMode.INLINE)).wait(5).status is RunStatus.COMPLETED
