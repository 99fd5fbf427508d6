"""A database that fails once between the claim of a run and its beginning."""

from collections.abc import Callable
from typing import Any

import pytest

from agentos.domain.run import Run, RunStatus
from agentos.errors import StorageError
from agentos.execution.preparation import Prepared
from parts.waiting import until
from parts.workers import AbsentStorage, Asks, Gate, Speaker, Worker, ended, new_session, says


class FailsOnce:
    """Fails the first call: before it reaches the database, or after the commit, so that the reply is lost."""

    def __init__(self, call: Callable[..., Any], *, after: bool = False) -> None:
        self.call, self.after, self.failed = call, after, False

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        answer = self.call(*arguments, **options) if self.after or self.failed else None
        if not self.failed and (answer is not None or not self.after):
            self.failed = True
            raise StorageError("the connection broke")
        return answer


class Forgetful(Worker):
    """A worker that reads its agents from the database, which fails once."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.find = FailsOnce(super().prepare)

    def prepare(self, run: Run) -> Prepared:
        found: Prepared = self.find(run)
        return found


def test_a_background_run_is_executed_though_its_agent_could_not_be_read_at_once(storage: AbsentStorage) -> None:
    here = Forgetful(storage, "here")
    run_id = here.submit(says("done"))
    ended_run = here.handle(run_id).wait(5)
    assert ended_run is not None
    assert (ended_run.status, ended_run.content) == (RunStatus.COMPLETED, "done")
    here.close()


def test_a_lost_run_is_taken_over_though_its_agent_could_not_be_read_at_once(
    worker: Callable[..., Worker], storage: AbsentStorage
) -> None:
    begun = Gate()
    lost = worker("lost", lease=0.05)
    live = lost.start(begun, agent_id="again", durable=True)
    assert begun.waiting.wait(5)
    lost.die()
    until(lambda: storage.runs.unattended(limit=9).lost)
    again = Speaker(lambda context: iter(["again"]), retry_on_crash=True)
    finder = Forgetful(storage, "finder", max_attempts=3, agents={"again": again})
    finder.sweeper.sweep()
    ended_run = finder.handle(live.run.id).wait(5)
    assert ended_run is not None
    assert (ended_run.status, ended_run.content) == (RunStatus.COMPLETED, "again")
    finder.close()


def test_an_answered_run_continues_though_its_answers_could_not_be_read_at_once(
    worker: Callable[..., Worker], storage: AbsentStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks = Asks(["one"], ["two"])
    here = worker("here", agents={"asks": asks})
    live = here.start(asks, agent_id="asks")
    assert live.stream.wait(5)
    asks.answer(storage, live.run.id)
    monkeypatch.setattr(storage.runs, "actions", FailsOnce(storage.runs.actions))
    here.worker.execute(live.run.id)
    found = storage.runs.get(live.run.id, owner=None)
    assert found is not None
    assert found.status is RunStatus.COMPLETED


def test_a_run_that_waited_for_its_turn_begins_though_the_reply_to_its_claim_was_lost(
    here: Worker, storage: AbsentStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = new_session(storage)
    gate = Gate()
    first = here.start(gate, session_id=session_id)
    assert gate.waiting.wait(5)
    monkeypatch.setattr(storage.runs, "claim", FailsOnce(storage.runs.claim, after=True))
    second = here.start(says("done"), session_id=session_id)
    gate.go_on.set()
    assert ended(first).status is RunStatus.COMPLETED
    assert (ended(second).status, second.run.content) == (RunStatus.COMPLETED, "done")
