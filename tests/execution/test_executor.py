"""Background runs: not more at once than allowed, in the order they came, refused when there is no slot."""

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
from agentos.execution.executor import EmbeddedExecutor, Slot
from agentos.hookspecs import hookimpl
from agentos.registrations import RegisterStorageBackend
from agentos.services.services import Services
from agentos.storage.idempotency import IdempotencyKey
from agentos.storage.memory import MemoryStorage
from agentos.storage.paging import Paging
from agentos.storage.runs import RunFilter
from parts.waiting import until
from parts.workers import AbsentStorage, Gate, Worker, ended, new_session, says

ROOM = 2


class Work:
    """Background work that notes when it begins and waits for its end to be allowed."""

    def __init__(self, executor: EmbeddedExecutor, count: int) -> None:
        self.begun: list[int] = []
        self.gates = [threading.Event() for _ in range(count)]
        for number in range(count):
            executor.reserve().execute(str(number), self._numbered(number))

    def _numbered(self, number: int) -> Callable[[], None]:
        def work() -> None:
            self.begun.append(number)
            self.gates[number].wait(10)

        return work


def test_no_more_runs_than_allowed_are_executed_at_once_and_the_first_come_first() -> None:
    work = Work(EmbeddedExecutor(limit=2, queue=10), 5)
    until(lambda: len(work.begun) == 2)
    assert threading.Event().wait(0.1) is False
    assert sorted(work.begun) == [0, 1]
    for number in range(5):
        work.gates[number].set()
        until(lambda: len(work.begun) == min(5, number + 3))  # noqa: B023 - called at once
        assert work.begun[-1] == min(4, number + 2)


def test_what_finds_no_room_is_refused_until_there_is_some() -> None:
    executor = EmbeddedExecutor(limit=1, queue=1)
    work = Work(executor, 2)
    with pytest.raises(RateLimited, match="1 background runs are under way in this worker and 1 wait") as refused:
        executor.reserve()
    assert refused.value.retry_after
    work.gates[0].set()
    until(lambda: work.begun == [0, 1])
    slot = executor.reserve()
    with pytest.raises(RateLimited):
        executor.reserve()
    slot.release()
    executor.reserve().release()
    work.gates[1].set()


def test_work_that_raises_costs_no_place(caplog: pytest.LogCaptureFixture) -> None:
    executor = EmbeddedExecutor(limit=1, queue=1)

    def broken() -> None:
        raise RuntimeError("a bug")

    done = threading.Event()
    with caplog.at_level(logging.ERROR):
        for work in (broken, done.set):
            executor.reserve().execute("run", work)
        assert done.wait(5)
    assert "background work raised" in caplog.text
    until(lambda: not _is_full(executor))
    slots = [executor.reserve(), executor.reserve()]
    assert _is_full(executor)
    for slot in slots:
        slot.release()


def _is_full(executor: EmbeddedExecutor) -> bool:
    taken: list[Slot] = []
    try:
        taken += [executor.reserve(), executor.reserve()]
    except RateLimited:
        return True
    finally:
        for one in taken:
            one.release()
    return False


def test_a_held_run_is_queued_until_the_executor_begins_it(here: Worker) -> None:
    executor = EmbeddedExecutor(limit=1, queue=1)
    first, second = Gate(["a"]), Gate(["b"])
    lives = [here.start(gate, slot=executor.reserve()) for gate in (first, second)]
    assert first.waiting.wait(5)
    assert [here.storage.runs.get(live.run.id, owner=None).status for live in lives] == [
        RunStatus.RUNNING,
        RunStatus.QUEUED,
    ]
    first.go_on.set()
    assert second.waiting.wait(5)
    second.go_on.set()
    assert [ended(live).content for live in lives] == ["a", "b"]


def test_a_held_run_keeps_its_place_in_its_session(here: Worker) -> None:
    session_id = new_session(here.storage)
    executor = EmbeddedExecutor(limit=1, queue=5)
    busy = Gate()
    executor.reserve().execute("other", lambda: busy.go_on.wait(10))
    held = here.start(says("first"), session_id=session_id, input="1", slot=executor.reserve())
    behind = here.start(says("second"), session_id=session_id, input="2")
    assert behind.stream.wait(0.3) is None
    busy.go_on.set()
    ended(held), ended(behind)
    said = here.storage.sessions.history(session_id, owner=None, limit=10).messages
    assert [one.message.content for one in said] == ["1", "first", "2", "second"]


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
def test_a_run_that_is_refused_gives_its_room_back(services, error: type[Exception]) -> None:
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


def test_a_run_that_is_asked_for_again_gives_its_room_back(services) -> None:
    key = IdempotencyKey(owner="me", route="run", key="k", fingerprint="f")
    first = services.runs.start(request(idempotency=key))
    assert first.wait(5).status is RunStatus.COMPLETED
    repeats = [services.runs.start(request(idempotency=key)) for _ in range(ROOM)]
    assert [(again.replayed, again.run_id) for again in repeats] == [(True, first.run_id)] * ROOM
    assert services.runs.start(request()).wait(5).status is RunStatus.COMPLETED


def test_a_background_run_beyond_the_limits_is_refused_and_leaves_nothing(services) -> None:
    accepted = [services.runs.start(request("slow")).run_id for _ in range(ROOM)]
    with pytest.raises(RateLimited):
        services.runs.start(request("slow"))
    assert {run.id for run in services.runs.list(RunFilter(), Paging(), OPERATOR).items} == set(accepted)
