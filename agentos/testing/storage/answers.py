"""The promises about answers: each is saved once, and the last one lets the run go on, at any worker."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentos.domain.pending import Answer, PendingKind
from agentos.domain.run import Run, RunStatus
from agentos.domain.stored_request import RunMode, StoredRequest
from agentos.errors import AlreadyAnswered, RunFinished
from agentos.storage.admission import Lease
from agentos.storage.events import FrameBatch
from agentos.storage.interface import Storage
from agentos.storage.records import Record
from agentos.testing.storage.contract import (
    AWKWARD,
    LEASE,
    Contract,
    admitted,
    at,
    at_once,
    claimed,
    ended,
    frames,
    new_session,
)
from agentos.testing.storage.pausing import (
    APPROVED,
    REJECTED,
    action,
    answer,
    checkpoint,
    paused,
    paused_run,
    read,
    resumes,
)

OTHER = Lease("worker-2", 60.0)
MANY = 20
ANSWERS = (
    APPROVED,
    REJECTED,
    Answer(decision="approve", arguments=AWKWARD, arguments_hash="1" * 64, message=""),
    Answer(decision="reject", remember="session", answered_as="other", address="2001:db8::1"),
    Answer(output=AWKWARD),
    Answer(output=""),
    Answer(output=[None]),
    Answer(error="it broke \U0001f600", answered_by="key:é", answered_at=at(0)),
)


class AnswerContract(Contract):
    """Answers."""

    def test_the_last_answer_queues_the_run_for_any_worker(self, storage: Storage) -> None:
        one, two = action(), action()
        run = paused(storage, actions=(one, two))
        first = storage.runs.answer(run.id, {one.id: APPROVED}, owner=None)
        assert (first.resumed, first.run) == (False, replace(run, pending=(two,)))
        assert read(storage, run.id) == first.run
        last = storage.runs.answer(run.id, {two.id: REJECTED}, owner=None)
        assert (last.resumed, last.run) == (True, replace(run, status=RunStatus.QUEUED, pending=()))
        assert last.run.worker_id is None
        assert read(storage, run.id) == last.run
        assert claimed(storage, run.id, OTHER).run.status is RunStatus.RUNNING

    def test_answers_may_come_together(self, storage: Storage) -> None:
        one, two = action(), action()
        run = paused(storage, actions=(one, two))
        assert resumes(storage, run.id, {two.id: REJECTED, one.id: APPROVED})
        assert [found.answer for found in storage.runs.actions(run.id)] == [APPROVED, REJECTED]

    @pytest.mark.parametrize("given", ANSWERS)
    def test_an_answer_is_kept_as_it_was_given(self, storage: Storage, given: Answer) -> None:
        run = paused(storage, actions=(action(kind=PendingKind.INPUT),))
        assert resumes(storage, run.id, {run.pending[0].id: given})
        (found,) = storage.runs.actions(run.id)
        assert found == replace(run.pending[0], answer=given)
        assert found.answer is not None
        for name in ("answered_by", "answered_at", "answered_as", "address"):  # which make no answer another one
            assert getattr(found.answer, name) == getattr(given, name)
        (found,) = claimed(storage, run.id).actions
        assert found.answer == given

    def test_the_worker_that_claims_the_run_gets_all_that_it_needs(self, storage: Storage) -> None:
        first = checkpoint(1)
        run = admitted(storage, new_session(storage))
        storage.events.append([FrameBatch(run.id, frames(1, 2), run.attempt, [first])])
        log = frames(3, 3, kind="paused")
        run = paused_run(storage, run, action(), checkpoints=[checkpoint(2)], frames=log)
        answer(storage, run)
        claim = claimed(storage, run.id, OTHER, seconds=9)
        assert (claim.run.attempt, claim.run.crashes, claim.crashed) == (2, 0, False)
        assert (claim.run.started_at, claim.run.position) == (run.started_at, run.position)
        assert list(claim.checkpoints) == [first, checkpoint(2)]
        assert list(claim.actions) == [replace(run.pending[0], answer=APPROVED)]
        assert (claim.logged, claim.last_event) == (3, "paused")

    def test_a_resumed_run_whose_worker_is_lost_still_has_its_answers(self, storage: Storage) -> None:
        run = paused(storage)
        answer(storage, run)
        claimed(storage, run.id, Lease("gone", -1.0))
        claim = claimed(storage, run.id)
        assert (claim.run.attempt, claim.run.crashes, claim.crashed) == (3, 1, True)
        assert [found.answer for found in claim.actions] == [APPROVED]
        assert len(claim.checkpoints) == 1

    def test_a_resumed_run_says_how_it_was_asked_for(self, storage: Storage) -> None:
        one, two = action(), action()
        run = admitted(storage, request=StoredRequest(mode=RunMode.BACKGROUND))
        run = paused_run(storage, run, one, two)
        assert storage.runs.answer(run.id, {one.id: APPROVED}, owner=None).run.request is None
        resumed = storage.runs.answer(run.id, {two.id: APPROVED}, owner=None).run.request
        assert resumed is not None
        assert resumed.mode is RunMode.BACKGROUND

    def test_a_resumed_run_keeps_its_place_in_its_session(self, storage: Storage) -> None:
        session = new_session(storage)
        run = admitted(storage, session)
        behind = admitted(storage, session, lease=None)
        answer(storage, paused_run(storage, run))
        assert storage.runs.claim(behind.id, LEASE, now=at(1)) is None
        again = claimed(storage, run.id).run
        ending = storage.runs.finish(ended(again))
        assert ending is not None
        assert ending.next_run_id == behind.id

    def test_the_same_answer_again_changes_nothing(self, storage: Storage) -> None:
        one, two = action(), action()
        run = paused(storage, actions=(one, two))
        assert not resumes(storage, run.id, {one.id: APPROVED})
        later = replace(APPROVED, answered_by="key:other", answered_at=at(99))
        assert not resumes(storage, run.id, {one.id: later})
        assert resumes(storage, run.id, {one.id: APPROVED, two.id: APPROVED})
        resumed = read(storage, run.id)
        assert not resumes(storage, run.id, {two.id: APPROVED})
        assert read(storage, run.id) == resumed
        again = claimed(storage, run.id).run
        assert not resumes(storage, run.id, {one.id: APPROVED, two.id: later})
        assert read(storage, run.id) == again
        storage.runs.finish(ended(again))
        assert storage.runs.answer(run.id, {one.id: APPROVED}, owner=None).run == ended(again)
        answered_by = [found.answer and found.answer.answered_by for found in storage.runs.actions(run.id)]
        assert answered_by == [APPROVED.answered_by] * 2

    def test_records_are_deleted_when_the_run_is_resumed_and_not_before(self, storage: Storage) -> None:
        one, two = action(), action()
        record, other = (Record(collection="pending-expiry", id=name, owner="alice") for name in ("one", "other"))
        run = paused_run(storage, admitted(storage), one, two, records=[record, other])
        for action_id, left in ((one.id, True), (two.id, False)):
            storage.runs.answer(run.id, {action_id: APPROVED}, owner=None, forget=[record.key])
            found = storage.records.get(record.collection, record.id, owner="alice")
            assert (found is not None) is left
        assert storage.records.get(other.collection, other.id, owner="alice") is not None

    def test_an_answer_puts_the_record_that_comes_with_it_once(self, storage: Storage) -> None:
        one, two = action(), action()
        first, second = (Record(collection="rules", id=name, owner="alice") for name in ("first", "second"))
        run = paused_run(storage, admitted(storage), one, two)
        for _ in range(2):
            storage.runs.answer(run.id, {one.id: APPROVED}, owner=None, records={one.id: first, two.id: second})
        found = storage.records.get("rules", "first", owner="alice")
        assert found is not None
        assert found.version == 1
        assert storage.records.get("rules", "second", owner="alice") is None
        with pytest.raises(AlreadyAnswered):
            storage.runs.answer(
                run.id, {two.id: APPROVED, one.id: REJECTED}, owner=None, records={one.id: first, two.id: second}
            )
        assert storage.records.get("rules", "second", owner="alice") is None

    @pytest.mark.parametrize("same", [True, False])
    def test_of_many_answers_at_once_one_resumes_the_run(self, storage: Storage, same: bool) -> None:
        run = paused(storage)
        (one,) = run.pending
        resumed: list[int] = []
        refused: list[int] = []

        def give(number: int) -> None:
            given = Answer(decision="approve", message="same" if same else str(number))
            try:
                if resumes(storage, run.id, {one.id: given}):
                    resumed.append(number)
            except AlreadyAnswered:
                refused.append(number)

        at_once(give, MANY)
        assert (len(resumed), len(refused)) == (1, 0 if same else MANY - 1)
        (found,) = storage.runs.actions(run.id)
        assert found.answer is not None
        assert found.answer.message == ("same" if same else str(resumed[0]))
        assert claimed(storage, run.id).run.attempt == 2

    def test_of_answers_to_different_actions_at_once_the_last_resumes_the_run(self, storage: Storage) -> None:
        actions = [action() for _ in range(MANY)]
        run = paused(storage, actions=actions)
        resumed: list[int] = []

        def give(number: int) -> None:
            if resumes(storage, run.id, {actions[number].id: APPROVED}):
                resumed.append(number)

        at_once(give, MANY)
        assert len(resumed) == 1
        assert read(storage, run.id).status is RunStatus.QUEUED

    def test_an_answer_that_meets_the_end_of_the_run_comes_before_it_or_is_refused(self, storage: Storage) -> None:
        for _ in range(5):
            run = paused(storage)
            outcomes: dict[str, bool] = {}

            def meet(number: int, run: Run = run, outcomes: dict[str, bool] = outcomes) -> None:
                if number:
                    end = ended(run, status=RunStatus.CANCELLED)
                    outcomes["ended"] = storage.runs.finish(end) is not None
                    return
                try:
                    outcomes["answered"] = resumes(storage, run.id, {run.pending[0].id: APPROVED})
                except RunFinished:
                    outcomes["answered"] = False

            at_once(meet, 2)
            # A resumed run that no worker has claimed is still at the attempt that was read.
            assert outcomes["ended"]
            kept = [found.answer for found in storage.runs.actions(run.id)]
            assert kept == ([APPROVED] if outcomes["answered"] else [])
