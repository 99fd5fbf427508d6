"""The promises about approvals that were not decided in time, and that the server answers itself."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from agentos.domain.pending import EXPIRY, Answer, PendingAction
from agentos.domain.run import Run, RunStatus
from agentos.errors import PendingExpired
from agentos.storage.interface import Storage
from agentos.storage.pauses import Answered
from agentos.testing.storage.contract import Contract, admitted, at, at_once, claimed, ended
from agentos.testing.storage.pausing import APPROVED, REJECTED, action, paused, read, resumes

LATE = Answer(decision="reject", message="too late", answered_by=EXPIRY, answered_at=at(31))


class LateAnswerContract(Contract):
    """Answers of an expiry."""

    def test_the_answer_of_an_expiry_counts_and_resumes_the_run(self, storage: Storage) -> None:
        run = paused(storage, actions=(action(expires_at=_in(-1)),))
        answered = _expire(storage, run)
        assert answered.resumed
        assert read(storage, run.id).status is RunStatus.QUEUED
        (found,) = claimed(storage, run.id).actions
        assert found.answer is not None
        assert (found.answer, found.answer.answered_by) == (LATE, EXPIRY)

    def test_it_counts_for_what_has_expired_and_has_no_answer(self, storage: Storage) -> None:
        late, early, limitless = action(expires_at=_in(-1)), action(expires_at=_in(3600)), action()
        run = paused(storage, actions=(late, early, limitless))
        answered = _expire(storage, run)
        assert (answered.resumed, answered.run.pending) == (False, (early, limitless))
        assert _expire(storage, run) == answered
        assert resumes(storage, run.id, {early.id: APPROVED, limitless.id: REJECTED})
        assert [one.answer for one in storage.runs.actions(run.id)] == [LATE, APPROVED, REJECTED]

    def test_it_leaves_what_was_answered_in_time(self, storage: Storage) -> None:
        soon, other = action(expires_at=_in(0.5)), action()
        run = paused(storage, actions=(soon, other))
        resumes(storage, run.id, {soon.id: APPROVED})
        time.sleep(0.6)
        assert not _expire(storage, run).resumed
        assert [one.answer for one in storage.runs.actions(run.id)] == [APPROVED, None]

    @pytest.mark.parametrize("state", ["paused", "queued", "running", "ended"])
    @pytest.mark.parametrize("given", [APPROVED, LATE])
    def test_an_answer_after_it_is_too_late(self, storage: Storage, state: str, given: Answer) -> None:
        late, other = action(expires_at=_in(-1)), action()
        run = paused(storage, actions=(late, other) if state == "paused" else (late,))
        _expire(storage, run)
        if state in ("running", "ended"):
            claimed(storage, run.id)
        if state == "ended":
            storage.runs.finish(ended(read(storage, run.id)))
        with pytest.raises(PendingExpired):
            storage.runs.answer(run.id, {late.id: given}, owner=None)

    @pytest.mark.parametrize("state", ["running", "ended", "asked to stop"])
    def test_it_changes_nothing_of_a_run_that_does_not_wait(self, storage: Storage, state: str) -> None:
        run = admitted(storage)
        late = action(expires_at=_in(-1))
        if state != "running":
            run = paused(storage, actions=(late,))
        if state == "ended":
            storage.runs.finish(ended(run))
        if state == "asked to stop":
            storage.runs.request_cancel(run.id, owner=None)
        before = read(storage, run.id)
        assert not _expire(storage, run, [late]).resumed
        assert read(storage, run.id) == before

    def test_time_is_over_by_the_clock_that_the_storage_tells(self, storage: Storage) -> None:
        before = storage.now()
        over = paused(storage, actions=(action(expires_at=before),))
        left = paused(storage, actions=(action(expires_at=before + timedelta(hours=1)),))
        time.sleep(0.005)  # the clock of a database may count milliseconds
        assert storage.now() > before
        assert (_expire(storage, over).resumed, _expire(storage, left).resumed) == (True, False)

    def test_of_many_expiries_at_once_one_resumes_the_run(self, storage: Storage) -> None:
        run = paused(storage, actions=[action(expires_at=_in(-1)) for _ in range(3)])
        resumed: list[int] = []

        def expire(number: int) -> None:
            if _expire(storage, run).resumed:
                resumed.append(number)

        at_once(expire, 10)
        assert len(resumed) == 1

    def test_an_answer_that_meets_the_expiry_counts_or_is_refused(self, storage: Storage) -> None:
        for _ in range(3):
            (one,) = (run := paused(storage, actions=(action(expires_at=_in(0.2)),))).pending
            given: list[bool] = []
            expired: list[bool] = []

            def meet(
                number: int,
                run: Run = run,
                one: PendingAction = one,
                given: list[bool] = given,
                expired: list[bool] = expired,
            ) -> None:
                time.sleep(0.15 + number / 100)
                if number % 2:
                    expired.append(_expire(storage, run, [one]).resumed)
                    return
                try:
                    resumes(storage, run.id, {one.id: APPROVED})
                except PendingExpired:
                    given.append(False)
                else:
                    given.append(True)

            at_once(meet, 10)
            _expire(storage, run, [one])
            (found,) = storage.runs.actions(run.id)
            assert found.answer in (APPROVED, LATE)
            assert any(given) is (found.answer == APPROVED)
            assert sum(expired) <= (found.answer == LATE)
            assert read(storage, run.id).status is RunStatus.QUEUED


def _expire(storage: Storage, run: Run, actions: Sequence[PendingAction] = ()) -> Answered:
    """Answer as an expiry does: all that the run waited for when it was read."""
    answers = {one.id: LATE for one in actions or run.pending}
    return storage.runs.answer(run.id, answers, owner=None, late=True)


def _in(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)
