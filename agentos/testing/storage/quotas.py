"""The promises about how many runs are under way at once."""

from __future__ import annotations

from typing import Any

import pytest

from agentos.domain.run import BusyPolicy, Run, RunStatus
from agentos.errors import RateLimited
from agentos.storage.admission import Lease, Quota
from agentos.storage.idempotency import Replay
from agentos.storage.interface import Storage
from agentos.testing.storage.contract import (
    LEASE,
    THREADS,
    Contract,
    admit,
    admitted,
    at_once,
    ended,
    key,
    new_run,
    new_session,
    taken_over,
)

ROUNDS = 4
ONE = Quota(of_owner=1)
EACH = (ONE, Quota(of_all=1), Quota(1, 1))


def _alices(storage: Storage, quota: Quota = ONE, **options: Any) -> Run:
    return admit(storage, new_run(owner="alice"), quota=quota, **options).run


class QuotaContract(Contract):
    """Quotas."""

    def test_as_many_runs_of_an_owner_are_admitted_as_its_quota_allows(self, storage: Storage) -> None:
        two = Quota(of_owner=2)
        admitted(storage, owner="bob")
        runs = [_alices(storage, two) for _ in range(2)]
        with pytest.raises(RateLimited, match=r"\b2\b.*AGENTOS_MAX_RUNS_PER_OWNER") as refused:
            _alices(storage, two)
        assert refused.value.retry_after == 1.0
        admit(storage, new_run(owner="carol"), quota=two)
        storage.runs.finish(ended(runs[0], status=RunStatus.FAILED))
        _alices(storage, two)

    def test_as_many_runs_of_all_are_admitted_as_the_quota_of_all_allows(self, storage: Storage) -> None:
        two = Quota(of_all=2)
        runs = [admit(storage, new_run(owner=owner), quota=two).run for owner in ("alice", "bob")]
        with pytest.raises(RateLimited, match=r"\b2\b.*AGENTOS_MAX_RUNS\b") as refused:
            admit(storage, new_run(owner="carol"), quota=two)
        assert refused.value.retry_after == 1.0
        storage.runs.finish(ended(runs[0]))
        admit(storage, new_run(owner="carol"), quota=two)

    def test_both_quotas_hold(self, storage: Storage) -> None:
        both = Quota(of_owner=1, of_all=2)
        _alices(storage, both)
        with pytest.raises(RateLimited, match="PER_OWNER"):
            _alices(storage, both)
        admit(storage, new_run(owner="bob"), quota=both)
        with pytest.raises(RateLimited, match=r"MAX_RUNS\b"):
            admit(storage, new_run(owner="carol"), quota=both)

    @pytest.mark.parametrize("state", ["without a quota", "queued", "unclaimed", "to stop", "lost", "taken over"])
    def test_every_unfinished_run_counts(self, storage: Storage, state: str) -> None:
        session = new_session(storage, owner="alice")
        first = admit(storage, new_run(session), None if state == "unclaimed" else Lease("gone", -1.0)).run
        if state == "queued":
            admitted(storage, session)
            storage.runs.finish(ended(first))
        if state == "to stop":
            storage.runs.request_cancel(first.id, owner=None, forget=True)
        if state == "taken over":
            assert taken_over(storage)
        for quota in EACH:
            with pytest.raises(RateLimited):
                _alices(storage, quota)
        _alices(storage, Quota())

    def test_no_run_that_has_ended_or_is_gone_counts(self, storage: Storage) -> None:
        for quota in EACH:
            for status in (status for status in RunStatus if status.finished):
                storage.runs.finish(ended(_alices(storage, quota), status=status))
            session = new_session(storage, owner="alice")
            admit(storage, new_run(session), quota=quota)
            storage.sessions.delete(session.id, owner="alice")

    def test_a_run_that_is_refused_leaves_no_trace(self, storage: Storage) -> None:
        session = new_session(storage, owner="alice")
        admitted(storage, session)
        before = storage.sessions.get(session.id, owner=None)
        refused = new_run(session, seconds=9)
        for quota in EACH:
            for concurrency in BusyPolicy:
                with pytest.raises(RateLimited):
                    admit(storage, refused, quota=quota, concurrency=concurrency, idempotency=key())
        assert storage.runs.get(refused.id, owner=None) is None
        assert storage.sessions.get(session.id, owner=None) == before
        assert list(storage.runs.cancel_requests(LEASE.worker_id)) == []
        assert admit(storage, refused, idempotency=key()).run.position == 2

    def test_a_repeat_is_answered_though_the_quota_is_used_up(self, storage: Storage) -> None:
        run = _alices(storage, idempotency=key())
        for quota in EACH:
            again = storage.runs.admit(
                new_run(owner="alice"), claim=LEASE, owner="alice", history_turns=3, idempotency=key(), quota=quota
            )
            assert again == Replay(key().fingerprint, run.id)

    def test_a_run_in_a_session_is_counted_as_the_session_owners(self, storage: Storage) -> None:
        session = new_session(storage, owner="alice")
        admit(storage, new_run(session, owner="root"), quota=ONE)
        admit(storage, new_run(owner="root"), quota=ONE)
        for run in (new_run(session, owner="root"), new_run(owner="alice")):
            with pytest.raises(RateLimited):
                admit(storage, run, quota=ONE)

    @pytest.mark.parametrize("quota", [Quota(of_owner=3), Quota(of_all=3), Quota(3, 5), Quota(5, 3)])
    @pytest.mark.parametrize("in_sessions", [True, False])
    def test_of_simultaneous_runs_exactly_as_many_are_admitted_as_the_quota_allows(
        self, storage: Storage, quota: Quota, in_sessions: bool
    ) -> None:
        owners = ["alice"] if quota.of_owner else [f"owner-{number}" for number in range(4)]
        sessions = [new_session(storage, owner=owners[number % len(owners)]) for number in range(4)]
        for _ in range(ROUNDS):
            outcomes: list[Run | None] = []

            def admit_one(number: int, outcomes: list[Run | None] = outcomes) -> None:
                session = sessions[number % len(sessions)] if in_sessions else None
                run = new_run(session, owner=owners[number % len(owners)])
                try:
                    outcomes.append(admit(storage, run, quota=quota, idempotency=key(run.id)).run)
                except RateLimited:
                    outcomes.append(None)

            at_once(admit_one)
            made = [run for run in outcomes if run is not None]
            assert (len(made), len(outcomes)) == (3, THREADS)
            for run in made:
                assert storage.runs.finish(ended(run, status=RunStatus.FAILED))

    def test_simultaneous_runs_of_different_owners_are_counted_apart(self, storage: Storage) -> None:
        admitted_owners: list[str] = []

        def admit_two(number: int) -> None:
            for _ in range(2):
                try:
                    admitted_owners.append(admit(storage, new_run(owner=f"owner-{number}"), quota=ONE).run.owner)
                except RateLimited:
                    continue

        at_once(admit_two)
        assert sorted(admitted_owners) == [f"owner-{number}" for number in range(THREADS)]
