"""Background runs: not more at once than allowed, in the order they came, refused when there is no room."""

import logging
import threading
import time
from collections.abc import Callable

import pytest

from agentos.domain.ids import new_id
from agentos.domain.principal import OPERATOR
from agentos.domain.run import RunStatus
from agentos.errors import RateLimited, SessionBusy, SessionNotFound
from agentos.execution.executor import EmbeddedExecutor, Reservation
from parts.workers import AbsentStorage, Gate, Worker, ended, new_session, says, until


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
    room = executor.reserve()
    with pytest.raises(RateLimited):
        executor.reserve()
    room.release()
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
    rooms = [executor.reserve(), executor.reserve()]
    assert _is_full(executor)
    for room in rooms:
        room.release()


def _is_full(executor: EmbeddedExecutor) -> bool:
    taken: list[Reservation] = []
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
    lives = [here.start(gate, room=executor.reserve()) for gate in (first, second)]
    assert first.waiting.wait(5)
    assert [here.storage.get_run(live.run.id, owner=None).status for live in lives] == [
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
    held = here.start(says("first"), session_id=session_id, input="1", room=executor.reserve())
    behind = here.start(says("second"), session_id=session_id, input="2")
    assert behind.stream.wait(0.3) is None
    busy.go_on.set()
    ended(held), ended(behind)
    said = here.storage.history(session_id, owner=None, limit=10).messages
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


@pytest.fixture
def services(tmp_path):
    from agentos.bootstrap import build
    from agentos.config import Config

    config = Config(environ={}, database_url="memory://", model="scripted:echo", background_limit=1, background_queue=1)
    services = build(config)
    yield services
    services.drain(0)
    services.close()


def test_a_run_that_is_refused_gives_its_room_back(services) -> None:
    from agentos.domain.run import Concurrency
    from agentos.services.runs import RunRequest
    from agentos.storage.values import IdempotencyKey

    with pytest.raises(SessionNotFound):
        services.runs.start(
            RunRequest(caller=OPERATOR, agent_id="assistant", input="Hi", session_id=new_id(), background=True)
        )

    session, _ = services.sessions.create("assistant", caller=OPERATOR)
    services.agents.register({"id": "slow", "model": "scripted:slow-100x0.05"})
    slow = services.runs.start(
        RunRequest(caller=OPERATOR, agent_id="slow", input="Hi", session_id=session.id, streamed=True)
    )
    busy = RunRequest(
        caller=OPERATOR,
        agent_id="assistant",
        input="Hi",
        session_id=session.id,
        background=True,
        concurrency=Concurrency.REJECT,
    )
    with pytest.raises(SessionBusy):
        services.runs.start(busy)
    services.runs.cancel(slow.run_id, OPERATOR)

    key = IdempotencyKey(owner="me", route="run", key="k", fingerprint="f")
    keyed = RunRequest(caller=OPERATOR, agent_id="assistant", input="Hi", background=True, idempotency=key)
    first = services.runs.start(keyed)
    assert first.wait(5).status is RunStatus.COMPLETED
    for _ in range(3):
        again = services.runs.start(keyed)
        assert (again.replayed, again.run_id) == (True, first.run_id)
    assert (
        services.runs.start(RunRequest(caller=OPERATOR, agent_id="assistant", input="Hi", background=True)).wait(5)
        is not None
    )


def test_a_background_run_beyond_the_limits_is_refused_and_leaves_nothing(services) -> None:
    from agentos.services.runs import RunRequest
    from agentos.storage.values import Paging, RunFilter

    services.agents.register({"id": "slow", "model": "scripted:slow-100x0.05"})
    slow = RunRequest(caller=OPERATOR, agent_id="slow", input="Hi", background=True)
    accepted = [services.runs.start(slow).run_id for _ in range(2)]
    with pytest.raises(RateLimited):
        services.runs.start(slow)
    assert {run.id for run in services.runs.list(RunFilter(), Paging(), OPERATOR).items} == set(accepted)
