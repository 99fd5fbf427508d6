"""The promises about quotas and runs that wait: paused ones, and those that no worker has claimed."""

from __future__ import annotations

from contextlib import suppress

import pytest

from agentos.domain.run import Run, RunStatus
from agentos.errors import RateLimited
from agentos.storage.admission import Quota
from agentos.storage.interface import Storage
from agentos.testing.storage.contract import (
    Contract,
    admit,
    admitted,
    at_once,
    claimed,
    ended,
    new_run,
    new_session,
)
from agentos.testing.storage.pausing import answer, paused

ROUNDS = 4
EACH = (Quota(of_owner=1), Quota(of_all=1), Quota(1, 1))


def _alices(storage: Storage, quota: Quota) -> Run:
    return admit(storage, new_run(owner="alice"), quota=quota).run


class WaitingQuotaContract(Contract):
    """Quotas and waiting runs."""

    def test_a_paused_run_counts_again_once_it_is_resumed(self, storage: Storage) -> None:
        run = paused(storage, owner="alice")
        for quota in EACH:
            storage.runs.finish(ended(_alices(storage, quota)))
        answer(storage, run)
        for quota in EACH:
            with pytest.raises(RateLimited):
                _alices(storage, quota)

    def test_a_run_is_resumed_though_the_quota_is_used_up(self, storage: Storage) -> None:
        run = paused(storage, owner="alice")
        _alices(storage, Quota(1, 1, 1))
        answer(storage, run)
        assert claimed(storage, run.id).run.status is RunStatus.RUNNING

    def test_as_many_runs_wait_for_a_worker_as_the_quota_allows(self, storage: Storage) -> None:
        two = Quota(unclaimed=2)
        first = admit(storage, new_run(owner="alice"), None, quota=two).run
        session = new_session(storage, owner="bob")
        admitted(storage, session)
        behind = admit(storage, new_run(session), None, quota=two).run
        with pytest.raises(RateLimited, match=r"\b2\b.*AGENTOS_BACKGROUND_QUEUE") as refused:
            admit(storage, new_run(), None, quota=two)
        assert refused.value.retry_after == 5.0
        admitted(storage, session)
        assert admit(storage, new_run(), quota=Quota(unclaimed=0)).run.status is RunStatus.RUNNING
        claimed(storage, first.id)
        admit(storage, new_run(), None, quota=two)
        storage.runs.finish(ended(behind, status=RunStatus.CANCELLED))
        admit(storage, new_run(), None, quota=two)
        with pytest.raises(RateLimited):
            admit(storage, new_run(), None, quota=two)

    def test_resumed_runs_wait_for_a_worker_too_paused_ones_do_not(self, storage: Storage) -> None:
        run = paused(storage)
        admit(storage, new_run(), None, quota=Quota(unclaimed=1))
        answer(storage, run)
        with pytest.raises(RateLimited):
            admit(storage, new_run(), None, quota=Quota(unclaimed=2))

    def test_of_simultaneous_runs_exactly_as_many_wait_as_the_quota_allows(self, storage: Storage) -> None:
        for _ in range(ROUNDS):
            made: list[Run] = []

            def admit_one(number: int, made: list[Run] = made) -> None:
                with suppress(RateLimited):
                    run = new_run(owner=f"owner-{number % 2}")
                    made.append(admit(storage, run, None, quota=Quota(unclaimed=3)).run)

            at_once(admit_one)
            assert len(made) == 3
            for run in made:
                assert storage.runs.finish(ended(run, status=RunStatus.FAILED))
