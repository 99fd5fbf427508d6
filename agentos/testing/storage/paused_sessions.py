"""The promises about a session with a paused run: what a new run does there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentos.domain.run import BusyPolicy, RunStatus
from agentos.errors import RunFinished, SessionBusy
from agentos.storage.admission import Ended, Lease
from agentos.storage.interface import Storage
from agentos.testing.storage.contract import (
    LEASE,
    Contract,
    admit,
    admitted,
    at,
    claimed,
    ended,
    key,
    new_run,
    new_session,
    said,
)
from agentos.testing.storage.pausing import APPROVED, action, answer, paused, paused_run, read

STOPPING = [BusyPolicy.INTERRUPT, BusyPolicy.ROLLBACK]
CLAIMS = pytest.mark.parametrize("claim", [LEASE, None])


class PausedSessionContract(Contract):
    """What ``concurrency`` means where a run is paused."""

    @CLAIMS
    @pytest.mark.parametrize("concurrency", [BusyPolicy.ENQUEUE, BusyPolicy.REJECT])
    def test_a_new_run_is_refused_with_the_ids_of_what_is_waited_for(
        self, storage: Storage, concurrency: BusyPolicy, claim: Lease | None
    ) -> None:
        session = new_session(storage)
        one, two, three = action(), action(), action()
        run = paused(storage, session, actions=(one, two, three))
        storage.runs.answer(run.id, {two.id: APPROVED}, owner=None)
        before = storage.sessions.get(session.id, owner=None)
        refused = new_run(session, seconds=9)
        with pytest.raises(SessionBusy) as busy:
            admit(storage, refused, claim, concurrency=concurrency, idempotency=key())
        assert busy.value.details == {"run_id": run.id, "pending": [one.id, three.id]}
        assert storage.runs.get(refused.id, owner=None) is None
        assert storage.sessions.get(session.id, owner=None) == before
        assert storage.idempotency.find(key()) is None

    def test_it_is_refused_though_others_wait_behind_the_paused_run(self, storage: Storage) -> None:
        session = new_session(storage)
        run = admitted(storage, session)
        waiting = admitted(storage, session, lease=None)
        paused_run(storage, run)
        with pytest.raises(SessionBusy):
            admitted(storage, session)
        assert read(storage, waiting.id) == waiting

    def test_a_session_whose_run_was_resumed_takes_new_ones_again(self, storage: Storage) -> None:
        session = new_session(storage)
        run = answer(storage, paused(storage, session))
        assert admitted(storage, session).status is RunStatus.QUEUED
        claimed(storage, run.id)
        assert admitted(storage, session).status is RunStatus.QUEUED

    @CLAIMS
    def test_a_paused_run_that_was_asked_to_stop_is_in_the_way_of_none(
        self, storage: Storage, claim: Lease | None
    ) -> None:
        session = new_session(storage)
        run = admitted(storage, session)
        behind = admit(storage, new_run(session), claim).run
        run = paused_run(storage, run)
        storage.runs.request_cancel(run.id, owner=None)
        later = admit(storage, new_run(session), claim).run
        assert later.status is RunStatus.QUEUED
        for waiting in (behind, later):
            assert storage.runs.claim(waiting.id, LEASE, now=at(1)) is None
        with pytest.raises(SessionBusy) as busy:
            admit(storage, new_run(session), concurrency=BusyPolicy.REJECT)
        assert busy.value.details == {}
        storage.runs.finish(ended(run, status=RunStatus.CANCELLED, pending=()))
        claimed(storage, behind.id)

    @CLAIMS
    @pytest.mark.parametrize("concurrency", STOPPING)
    def test_a_run_that_interrupts_says_which_runs_no_worker_ends(
        self, storage: Storage, concurrency: BusyPolicy, claim: Lease | None
    ) -> None:
        session = new_session(storage)
        first, unclaimed, waiting = (admitted(storage, session, lease=lease) for lease in (LEASE, None, LEASE))
        first = paused_run(storage, first)
        admission = admit(storage, new_run(session), claim, concurrency=concurrency)
        assert admission.run.status is RunStatus.QUEUED
        found = [(run.id, run.status, run.attempt, run.worker_id) for run in admission.interrupted]
        assert found == [
            (first.id, RunStatus.PAUSED, 1, None),
            (unclaimed.id, RunStatus.QUEUED, 0, None),
            (waiting.id, RunStatus.QUEUED, 1, LEASE.worker_id),
        ]
        with pytest.raises(RunFinished):
            storage.runs.answer(first.id, {first.pending[0].id: APPROVED}, owner=None)
        for run in admission.interrupted:
            assert storage.runs.claim(admission.run.id, LEASE, now=at(1)) is None
            following = storage.runs.finish(ended(run, status=RunStatus.CANCELLED, pending=()))
        assert following == Ended(None if claim else admission.run.id)
        claimed(storage, admission.run.id)

    @pytest.mark.parametrize(("concurrency", "kept"), [(BusyPolicy.INTERRUPT, 2), (BusyPolicy.ROLLBACK, 0)])
    def test_what_an_interrupted_paused_run_said_is_kept_unless_it_is_rolled_back(
        self, storage: Storage, concurrency: BusyPolicy, kept: int
    ) -> None:
        session = new_session(storage)
        run = paused(storage, session)
        admission = admit(storage, new_run(session), concurrency=concurrency)
        assert storage.runs.finish(ended(run, status=RunStatus.CANCELLED, pending=()), messages=said("q", "half"))
        assert len(storage.runs.window(session.id, turns=9)) == kept
        assert claimed(storage, admission.run.id).run.position == 2

    def test_a_paused_run_keeps_its_place_before_those_that_came_later(self, storage: Storage) -> None:
        session = new_session(storage)
        first, second = admitted(storage, session), admitted(storage, session, lease=None)
        paused_run(storage, first)
        assert storage.runs.claim(second.id, LEASE, now=at(1)) is None
        assert list(storage.runs.unattended(limit=9).unclaimed) == []
        answer(storage, first)
        assert storage.runs.claim(second.id, LEASE, now=at(1)) is None
        run = claimed(storage, first.id).run
        assert run == replace(read(storage, first.id), position=1)
        assert storage.runs.finish(ended(run)) == Ended(second.id)

    def test_the_history_of_a_session_has_no_paused_run(self, storage: Storage) -> None:
        session = new_session(storage)
        paused(storage, session)
        history = storage.sessions.history(session.id, owner=None, limit=9)
        assert (list(history.messages), list(history.runs)) == ([], [])
