"""The promises about a new run in a session that has unfinished ones."""

from __future__ import annotations

import threading

import pytest

from agentos.domain.run import BusyPolicy, Run, RunStatus
from agentos.domain.session import Session
from agentos.domain.usage import Usage
from agentos.errors import SessionBusy
from agentos.storage.admission import Admission, Lease
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

STOPPING = pytest.mark.parametrize("concurrency", [BusyPolicy.INTERRUPT, BusyPolicy.ROLLBACK])
ROUNDS = 10


def _admit(storage: Storage, session: Session, concurrency: BusyPolicy) -> Admission:
    return admit(storage, new_run(session, seconds=9), concurrency=concurrency)


def _texts(storage: Storage, session: Session) -> list[str]:
    return [one.message.content for one in storage.sessions.history(session.id, owner=None, limit=1000).messages]


class PolicyContract(Contract):
    """What ``concurrency`` means."""

    @pytest.mark.parametrize("concurrency", BusyPolicy)
    def test_in_an_idle_session_a_run_starts_whatever_it_asks_for(
        self, storage: Storage, concurrency: BusyPolicy
    ) -> None:
        session = new_session(storage)
        take_turn(storage, session, "q", "a")
        admission = _admit(storage, session, concurrency)
        assert (admission.run.status, admission.run.position) == (RunStatus.RUNNING, 2)
        assert (tuple(admission.history or ()), tuple(admission.interrupted)) == (said("q", "a"), ())

    @pytest.mark.parametrize("concurrency", BusyPolicy)
    def test_without_a_session_nothing_is_in_the_way(self, storage: Storage, concurrency: BusyPolicy) -> None:
        admitted(storage)
        admission = admit(storage, new_run(), concurrency=concurrency)
        assert admission.run.status is RunStatus.RUNNING
        assert list(storage.runs.cancel_requests(LEASE.worker_id)) == []

    def test_a_run_that_a_busy_session_rejects_leaves_no_trace(self, storage: Storage) -> None:
        session = new_session(storage)
        first = admitted(storage, session)
        rejected = new_run(session, seconds=9)
        with pytest.raises(SessionBusy):
            admit(storage, rejected, concurrency=BusyPolicy.REJECT)
        assert storage.runs.get(rejected.id, owner=None) is None
        assert storage.sessions.get(session.id, owner=None) == session
        storage.runs.finish(ended(first))
        assert _admit(storage, session, BusyPolicy.REJECT).run.position == 2

    def test_a_session_is_busy_until_the_run_that_was_asked_to_stop_has_ended(self, storage: Storage) -> None:
        session = new_session(storage)
        storage.runs.request_cancel(admitted(storage, session).id, owner=None)
        with pytest.raises(SessionBusy):
            _admit(storage, session, BusyPolicy.REJECT)

    def test_of_simultaneous_runs_that_would_rather_be_rejected_one_is_admitted(self, storage: Storage) -> None:
        for _ in range(ROUNDS):
            session = new_session(storage)
            outcomes: list[int | None] = []

            def admit_one(_: int, session: Session = session, outcomes: list[int | None] = outcomes) -> None:
                try:
                    outcomes.append(_admit(storage, session, BusyPolicy.REJECT).run.position)
                except SessionBusy:
                    outcomes.append(None)

            at_once(admit_one)
            assert [outcome for outcome in outcomes if outcome is not None] == [1]
            assert len(outcomes) == THREADS

    @STOPPING
    def test_exactly_the_sessions_older_unfinished_runs_are_asked_to_stop(
        self, storage: Storage, concurrency: BusyPolicy
    ) -> None:
        session, other = new_session(storage), new_session(storage)
        take_turn(storage, session, "q", "a")
        admitted(storage, other)
        older = [admitted(storage, session, id=run_id) for run_id in ("b", "c", "a")]
        admission = _admit(storage, session, concurrency)
        later = admitted(storage, session)
        assert list(admission.interrupted) == older
        assert {run.worker_id for run in admission.interrupted} == {LEASE.worker_id}
        assert admission.run.status is RunStatus.QUEUED
        assert sorted(storage.runs.cancel_requests(LEASE.worker_id)) == ["a", "b", "c"]
        for run in older:
            storage.runs.finish(ended(run, status=RunStatus.CANCELLED))
        assert storage.runs.claim(later.id, LEASE, now=at(9)) is None
        claimed(storage, admission.run.id)

    def test_what_an_interrupted_run_wrote_is_in_the_history_of_the_next(self, storage: Storage) -> None:
        session = new_session(storage)
        first = admitted(storage, session)
        second = _admit(storage, session, BusyPolicy.INTERRUPT).run
        storage.runs.finish(ended(first, status=RunStatus.CANCELLED), messages=said("q", "half"))
        claimed(storage, second.id)
        assert tuple(storage.runs.window(session.id, turns=10)) == said("q", "half")
        assert [run.id for run in storage.sessions.history(session.id, owner=None, limit=9).runs] == [first.id]

    @pytest.mark.parametrize("status", [RunStatus.CANCELLED, RunStatus.COMPLETED, RunStatus.FAILED])
    def test_a_run_that_is_rolled_back_leaves_nothing_in_the_history_however_it_ends(
        self, storage: Storage, status: RunStatus
    ) -> None:
        session = new_session(storage)
        take_turn(storage, session, "q1", "a1")
        first = admitted(storage, session)
        second = _admit(storage, session, BusyPolicy.ROLLBACK).run
        assert storage.runs.finish(ended(first, status=status), messages=said("q2", "a2"))
        assert tuple(storage.runs.window(session.id, turns=1)) == said("q1", "a1")
        storage.runs.finish(ended(claimed(storage, second.id).run), messages=said("q3", "a3"))
        history = storage.sessions.history(session.id, owner=None, limit=9)
        assert [(one.sequence, one.message.content) for one in history.messages] == [
            (1, "q1"),
            (2, "a1"),
            (3, "q3"),
            (4, "a3"),
        ]
        assert first.id not in [run.id for run in history.runs]
        assert tuple(storage.runs.window(session.id, turns=1)) == said("q3", "a3")

    def test_a_run_that_is_rolled_back_is_kept_and_counted_with_what_it_used(self, storage: Storage) -> None:
        session = new_session(storage)
        first = admitted(storage, session)
        _admit(storage, session, BusyPolicy.ROLLBACK)
        end = ended(first, status=RunStatus.CANCELLED, usage=Usage(3, 4, 0))
        storage.runs.finish(end, messages=said("q", "half"), frames=frames(1, 2))
        assert storage.runs.get(first.id, owner=None) == end
        assert len(storage.events.read(first.id)) == 2
        found = storage.sessions.get(session.id, owner=None)
        assert found is not None
        assert (found.run_count, found.total_tokens) == (1, 7)

    def test_a_run_that_was_to_be_forgotten_is_forgotten_though_it_is_interrupted_too(self, storage: Storage) -> None:
        session = new_session(storage)
        first = admitted(storage, session)
        _admit(storage, session, BusyPolicy.ROLLBACK)
        _admit(storage, session, BusyPolicy.INTERRUPT)
        storage.runs.finish(ended(first, status=RunStatus.CANCELLED), messages=said("q", "half"))
        assert _texts(storage, session) == []

    def test_a_rollback_that_meets_the_end_of_the_run_forgets_it_or_comes_after_it(self, storage: Storage) -> None:
        for number in range(ROUNDS):
            session = new_session(storage)
            first = admitted(storage, session)
            found: list[Admission] = []
            meeting = threading.Barrier(2)

            def meet(
                who: int,
                session: Session = session,
                first: Run = first,
                found: list[Admission] = found,
                meeting: threading.Barrier = meeting,
            ) -> None:
                meeting.wait(10)
                if who:
                    assert storage.runs.finish(ended(first), messages=said("q", "a"))
                else:
                    found.append(_admit(storage, session, BusyPolicy.ROLLBACK))

            at_once(meet, 2)
            (admission,) = found
            kept = [] if first.id in [run.id for run in admission.interrupted] else ["q", "a"]
            assert _texts(storage, session) == kept, number
            if admission.run.status is RunStatus.RUNNING:
                assert tuple(admission.history or ()) == said("q", "a")

    def test_simultaneous_runs_that_interrupt_each_other_are_in_the_history_in_the_order_of_admission(
        self, storage: Storage
    ) -> None:
        session = new_session(storage)
        runs: list[Run] = []
        at_once(lambda _: runs.append(_admit(storage, session, BusyPolicy.INTERRUPT).run))
        runs.sort(key=lambda run: run.position or 0)
        assert [run.position for run in runs] == list(range(1, THREADS + 1))
        assert sorted(storage.runs.cancel_requests(LEASE.worker_id)) == sorted(run.id for run in runs[:-1])
        assert [run.status for run in runs] == [RunStatus.RUNNING] + [RunStatus.QUEUED] * (THREADS - 1)
        storage.runs.finish(ended(runs[0], status=RunStatus.CANCELLED), messages=said("first"))
        for run in runs[1:-1]:
            storage.runs.finish(ended(run, status=RunStatus.CANCELLED))
        storage.runs.finish(ended(claimed(storage, runs[-1].id).run), messages=said("last"))
        assert _texts(storage, session) == ["first", "last"]

    @pytest.mark.parametrize("lease", [LEASE, None])
    def test_a_run_that_no_worker_has_claimed_is_the_sessions_unfinished_run(
        self, storage: Storage, lease: Lease | None
    ) -> None:
        session = new_session(storage)
        unclaimed = admitted(storage, session, lease=None)
        with pytest.raises(SessionBusy):
            admit(storage, new_run(session), lease, concurrency=BusyPolicy.REJECT)
        behind = admit(storage, new_run(session), lease, concurrency=BusyPolicy.INTERRUPT)
        assert behind.run.status is RunStatus.QUEUED
        assert [(run.id, run.worker_id) for run in behind.interrupted] == [(unclaimed.id, None)]
        assert storage.runs.claim(behind.run.id, LEASE, now=at(9)) is None
