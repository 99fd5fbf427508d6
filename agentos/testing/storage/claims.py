"""The promises about claiming: how a run that is there gets a worker."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentos.domain.run import Run, RunStatus
from agentos.errors import RunNotFound, SessionBusy
from agentos.storage.admission import Admission, Lease
from agentos.storage.events import FrameBatch
from agentos.storage.interface import Storage
from agentos.testing.storage.contract import (
    LEASE,
    THREADS,
    Contract,
    admit,
    admitted,
    at,
    at_once,
    claimed,
    ended,
    frames,
    new_run,
    new_session,
    said,
    take_turn,
)
from agentos.testing.storage.pausing import answer, paused, paused_run, read

OTHER = Lease("worker-2", 60.0)


class ClaimContract(Contract):
    """Claims."""

    @pytest.mark.parametrize("in_session", [True, False])
    def test_a_run_that_is_admitted_without_a_claim_waits_for_any_worker(
        self, storage: Storage, in_session: bool
    ) -> None:
        session = new_session(storage) if in_session else None
        if session is not None:
            take_turn(storage, session, "q", "a")
        admission = admit(storage, new_run(session, attempt=7, crashes=7), None)
        run = admission.run
        assert (run.status, run.attempt, run.crashes) == (RunStatus.QUEUED, 0, 0)
        assert (run.started_at, run.worker_id) == (None, None)
        assert not admission.history
        assert read(storage, run.id) == run
        assert storage.runs.leased(LEASE.worker_id) == set()

    @pytest.mark.parametrize("in_session", [True, False])
    def test_a_claimed_run_is_the_workers_own(self, storage: Storage, in_session: bool) -> None:
        session = new_session(storage) if in_session else None
        run = admitted(storage, session, lease=None)
        claim = claimed(storage, run.id, seconds=7)
        assert claim == Admission(
            replace(run, status=RunStatus.RUNNING, attempt=1, started_at=at(7)),
            history=None,
            checkpoints=claim.checkpoints,
            actions=claim.actions,
        )
        assert (len(claim.checkpoints), len(claim.actions)) == (0, 0)
        assert claim.run.worker_id == LEASE.worker_id
        assert read(storage, run.id) == claim.run
        assert storage.runs.leased(LEASE.worker_id) == {run.id}
        assert storage.runs.finish(ended(claim.run), messages=said("q", "a") if in_session else ())

    def test_a_run_that_waited_in_its_worker_keeps_its_attempt(self, storage: Storage) -> None:
        session = new_session(storage)
        first, second = admitted(storage, session), admitted(storage, session)
        storage.runs.finish(ended(first))
        claim = claimed(storage, second.id)
        assert (claim.run.attempt, claim.run.crashes, claim.crashed) == (1, 0, False)

    @pytest.mark.parametrize("lease", [LEASE, OTHER])
    def test_a_run_that_a_living_worker_executes_cannot_be_claimed(self, storage: Storage, lease: Lease) -> None:
        run = claimed(storage, admitted(storage, lease=None).id).run
        with pytest.raises(RunNotFound):
            storage.runs.claim(run.id, lease, now=at(9))
        assert read(storage, run.id) == run

    def test_a_run_that_waits_in_a_living_worker_cannot_be_claimed_by_another(self, storage: Storage) -> None:
        session = new_session(storage)
        first, second = admitted(storage, session), admitted(storage, session)
        storage.runs.finish(ended(first))
        with pytest.raises(RunNotFound):
            storage.runs.claim(second.id, OTHER, now=at(9))
        assert read(storage, second.id) == second

    def test_a_run_that_is_paused_over_or_gone_cannot_be_claimed(self, storage: Storage) -> None:
        over, gone = admitted(storage, lease=None), admitted(storage, new_session(storage), lease=None)
        storage.runs.finish(ended(over, status=RunStatus.CANCELLED))
        storage.sessions.delete(str(gone.session_id), owner=None)
        for run_id in (paused(storage).id, over.id, gone.id, new_run().id):
            with pytest.raises(RunNotFound):
                storage.runs.claim(run_id, LEASE, now=at(9))

    def test_behind_an_unfinished_run_nothing_is_claimed_and_nothing_changes(self, storage: Storage) -> None:
        session = new_session(storage)
        first = admitted(storage, session)
        unclaimed, waiting = admitted(storage, session, lease=None), admitted(storage, session)
        for run in (unclaimed, waiting):
            assert storage.runs.claim(run.id, LEASE, now=at(1)) is None
            assert read(storage, run.id) == run
        storage.runs.finish(ended(first))
        assert storage.runs.claim(waiting.id, LEASE, now=at(1)) is None
        storage.runs.finish(ended(claimed(storage, unclaimed.id).run))
        claimed(storage, waiting.id)

    def test_a_run_that_waits_in_its_worker_gives_up_behind_a_paused_one(self, storage: Storage) -> None:
        session = new_session(storage)
        first = admitted(storage, session)
        waiting, unclaimed, last = (admitted(storage, session, lease=lease) for lease in (LEASE, None, LEASE))
        storage.runs.request_cancel(last.id, owner=None)
        first = paused_run(storage, first)
        with pytest.raises(SessionBusy) as busy:
            storage.runs.claim(waiting.id, LEASE, now=at(9))
        assert busy.value.details == {"run_id": first.id, "pending": [one.id for one in first.pending]}
        assert storage.runs.claim(unclaimed.id, LEASE, now=at(9)) is None
        assert storage.runs.claim(last.id, LEASE, now=at(9)) is None
        for run in (waiting, unclaimed, last):
            assert read(storage, run.id) == run

    @pytest.mark.parametrize("in_session", [True, False])
    def test_an_unclaimed_run_that_is_to_stop_is_not_claimed(self, storage: Storage, in_session: bool) -> None:
        run = admitted(storage, new_session(storage) if in_session else None, lease=None)
        asked = storage.runs.request_cancel(run.id, owner=None)
        assert asked == run
        assert asked.worker_id is None
        assert storage.runs.claim(run.id, LEASE, now=at(1)) is None
        assert read(storage, run.id) == run
        assert list(storage.runs.unattended(limit=9).stopped) == [run.id]
        assert storage.runs.finish(ended(run, status=RunStatus.CANCELLED))

    def test_a_resumed_run_that_is_to_stop_is_not_claimed(self, storage: Storage) -> None:
        run = answer(storage, paused(storage))
        storage.runs.request_cancel(run.id, owner=None)
        assert storage.runs.claim(run.id, LEASE, now=at(1)) is None
        assert storage.runs.finish(ended(run, status=RunStatus.CANCELLED))

    def test_a_run_that_waited_in_a_lost_worker_and_is_to_stop_is_not_claimed(self, storage: Storage) -> None:
        session = new_session(storage)
        first, second = admitted(storage, session), admitted(storage, session, lease=Lease("gone", -1.0))
        storage.runs.request_cancel(second.id, owner=None)
        storage.runs.finish(ended(first))
        assert storage.runs.claim(second.id, LEASE, now=at(1)) is None
        assert list(storage.runs.unattended(limit=9).stopped) == [second.id]

    def test_of_a_claim_and_a_request_to_stop_at_once_one_knows_of_the_other(self, storage: Storage) -> None:
        runs = [admitted(storage, lease=None) for _ in range(12)]
        claims: dict[str, Admission | None] = {}
        asked: dict[str, Run | None] = {}

        def act(number: int) -> None:
            for run in runs:
                if number:
                    claims[run.id] = storage.runs.claim(run.id, LEASE, now=at(1))
                else:
                    asked[run.id] = storage.runs.request_cancel(run.id, owner=None)

        at_once(act, 2)
        for run_id, request in asked.items():
            assert request is not None
            assert (request.worker_id == LEASE.worker_id) == (claims[run_id] is not None)

    def test_a_run_that_no_worker_has_can_be_ended_by_any_that_has_read_it(self, storage: Storage) -> None:
        run = read(storage, admitted(storage, lease=None).id)
        assert storage.runs.finish(ended(run, status=RunStatus.CANCELLED))
        with pytest.raises(RunNotFound):
            storage.runs.claim(run.id, LEASE, now=at(9))

    @pytest.mark.parametrize("turns", [0, 1, 2, 9])
    def test_the_worker_reads_the_turns_that_an_admission_would_have_given(self, storage: Storage, turns: int) -> None:
        session = new_session(storage)
        for number in range(3):
            take_turn(storage, session, f"q{number}", f"a{number}")
        window = storage.runs.window(session.id, turns=turns)
        assert len(window) == 2 * min(turns, 3)
        assert tuple(admit(storage, new_run(session), history_turns=turns).history or ()) == tuple(window)
        assert tuple(storage.runs.window("x", turns=9)) == ()

    def test_a_claim_says_how_far_the_log_is(self, storage: Storage) -> None:
        run = admitted(storage, lease=Lease("gone", -1.0))
        storage.events.append([FrameBatch(run.id, (*frames(1, 4, kind="run_start"), *frames(5, 7)))])
        claim = claimed(storage, run.id)
        assert (claim.logged, claim.last_event) == (7, "token")

    def test_the_first_start_of_a_run_is_kept(self, storage: Storage) -> None:
        run = admitted(storage, lease=None)
        claimed(storage, run.id, Lease("gone", -1.0), seconds=3)
        assert claimed(storage, run.id, seconds=9).run.started_at == at(3)

    def test_of_simultaneous_claims_one_wins(self, storage: Storage) -> None:
        for lease in (None, Lease("gone", -1.0)):
            run = admitted(storage, lease=lease)
            won: list[Run] = []
            refused: list[int] = []

            def claim(number: int, run: Run = run, won: list[Run] = won, refused: list[int] = refused) -> None:
                try:
                    won.append(claimed(storage, run.id, Lease(f"worker-{number}", 60.0)).run)
                except RunNotFound:
                    refused.append(number)

            at_once(claim)
            assert (len(won), len(refused)) == (1, THREADS - 1)
            assert read(storage, run.id) == won[0]
