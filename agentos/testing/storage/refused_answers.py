"""The promises about answers that are refused: then nothing is saved."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from agentos.domain.pending import Answer
from agentos.domain.run import RunStatus
from agentos.errors import AgentOSError, AlreadyAnswered, NotFound, PendingExpired, RunFinished, RunNotFound
from agentos.storage.interface import Storage
from agentos.testing.storage.contract import (
    Contract,
    admitted,
    claimed,
    ended,
)
from agentos.testing.storage.pausing import (
    APPROVED,
    REJECTED,
    action,
    paused,
    read,
    resumes,
)


class RefusedAnswerContract(Contract):
    """Refusals."""

    @pytest.mark.parametrize("state", ["paused", "queued", "running", "ended"])
    def test_another_answer_is_refused(self, storage: Storage, state: str) -> None:
        one, two = action(), action()
        run = paused(storage, actions=(one, two))
        resumes(storage, run.id, {one.id: APPROVED})
        if state != "paused":
            resumes(storage, run.id, {two.id: APPROVED})
        if state in ("running", "ended"):
            claimed(storage, run.id)
        if state == "ended":
            storage.runs.finish(ended(read(storage, run.id)))
        self._refuses(storage, run.id, {one.id: REJECTED}, AlreadyAnswered)

    def test_answers_are_saved_all_or_not_at_all(self, storage: Storage) -> None:
        one, two, three = action(), action(), action(expires_at=_ago(1))
        run = paused(storage, actions=(one, two, three))
        resumes(storage, run.id, {one.id: APPROVED})
        self._refuses(storage, run.id, {two.id: APPROVED, one.id: REJECTED}, AlreadyAnswered)
        self._refuses(storage, run.id, {two.id: APPROVED, three.id: APPROVED}, PendingExpired)
        self._refuses(storage, run.id, {two.id: APPROVED, "x": APPROVED}, NotFound)

    def test_what_was_not_answered_in_time_takes_no_answer(self, storage: Storage) -> None:
        late, early = action(expires_at=_ago(1)), action(expires_at=_ago(-3600))
        run = paused(storage, actions=(late, early))
        self._refuses(storage, run.id, {late.id: APPROVED}, PendingExpired)
        assert not resumes(storage, run.id, {early.id: APPROVED})
        assert read(storage, run.id).pending == (late,)

    def test_what_was_answered_in_time_takes_the_same_answer_later(self, storage: Storage) -> None:
        soon = action(expires_at=_ago(-1))
        run = paused(storage, actions=(soon,))
        assert resumes(storage, run.id, {soon.id: APPROVED})
        time.sleep(1.1)
        assert not resumes(storage, run.id, {soon.id: APPROVED})

    def test_an_action_of_another_run_is_not_found(self, storage: Storage) -> None:
        run, other = paused(storage), paused(storage)
        self._refuses(storage, run.id, {other.pending[0].id: APPROVED}, NotFound)
        running = admitted(storage)
        self._refuses(storage, running.id, {"x": APPROVED}, NotFound)
        assert read(storage, other.id) == other

    @pytest.mark.parametrize("status", [status for status in RunStatus if status.finished])
    def test_a_run_that_has_ended_takes_no_answer(self, storage: Storage, status: RunStatus) -> None:
        run = paused(storage)
        storage.runs.finish(ended(run, status=status))
        self._refuses(storage, run.id, {run.pending[0].id: APPROVED}, RunFinished)

    def test_a_run_that_was_asked_to_stop_takes_no_answer(self, storage: Storage) -> None:
        run = paused(storage)
        storage.runs.request_cancel(run.id, owner=None)
        self._refuses(storage, run.id, {run.pending[0].id: APPROVED}, RunFinished)

    def test_a_run_that_is_gone_or_another_owners_takes_no_answer(self, storage: Storage) -> None:
        run = paused(storage, owner="alice")
        answers = {run.pending[0].id: APPROVED}
        for run_id, owner in ((run.id, "bob"), ("x", "alice"), ("x", None)):
            with pytest.raises(RunNotFound):
                storage.runs.answer(run_id, answers, owner=owner)
        assert read(storage, run.id) == run
        assert resumes(storage, run.id, answers, owner="alice")

    def _refuses(self, storage: Storage, run_id: str, answers: Mapping[str, Answer], error: type[AgentOSError]) -> None:
        """Check that answers are refused with this error, and that nothing was saved."""
        before = read(storage, run_id), list(storage.runs.actions(run_id))
        with pytest.raises(error) as refused:
            storage.runs.answer(run_id, answers, owner=None)
        assert type(refused.value) is error
        assert (read(storage, run_id), list(storage.runs.actions(run_id))) == before


def _ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)
