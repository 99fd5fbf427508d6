"""The promises about runs that no worker has claimed yet: they are submitted after the run before, and by sweepers."""

from __future__ import annotations

import pytest

from agentos.domain.run import RunStatus
from agentos.storage.admission import Ended, Lease
from agentos.storage.interface import Storage
from agentos.testing.storage.contract import (
    LEASE,
    Contract,
    admit,
    admitted,
    claimed,
    ended,
    new_run,
    new_session,
)
from agentos.testing.storage.pausing import answer, paused, paused_run

FINISHED = [status for status in RunStatus if status.finished]


class UnclaimedContract(Contract):
    """Unclaimed runs."""

    @pytest.mark.parametrize("status", FINISHED)
    @pytest.mark.parametrize("forget", [False, True])
    def test_a_run_that_ends_names_the_next_of_its_session_if_no_worker_has_it(
        self, storage: Storage, status: RunStatus, forget: bool
    ) -> None:
        session = new_session(storage)
        first, second = admitted(storage, session), admitted(storage, session, lease=None)
        admitted(storage, session, lease=None)
        admitted(storage, new_session(storage), lease=None)
        if forget:
            storage.runs.request_cancel(first.id, owner=None, forget=True)
        assert storage.runs.finish(ended(first, status=status)) == Ended(second.id)

    def test_it_names_none_that_waits_in_a_worker(self, storage: Storage) -> None:
        session = new_session(storage)
        first = admitted(storage, session)
        admitted(storage, session, lease=Lease("other", 60.0))
        admitted(storage, session, lease=None)
        assert storage.runs.finish(ended(first)) == Ended()

    def test_it_names_none_that_is_to_stop(self, storage: Storage) -> None:
        session = new_session(storage)
        first, second, third = (admitted(storage, session, lease=lease) for lease in (LEASE, None, None))
        storage.runs.request_cancel(second.id, owner=None)
        assert storage.runs.finish(ended(first)) == Ended()
        assert storage.runs.finish(ended(second, status=RunStatus.CANCELLED)) == Ended(third.id)

    def test_it_names_none_where_none_follows(self, storage: Storage) -> None:
        session = new_session(storage)
        admitted(storage, lease=None)
        assert storage.runs.finish(ended(admitted(storage))) == Ended()
        assert storage.runs.finish(ended(admitted(storage, session))) == Ended()

    def test_it_names_none_behind_an_older_one(self, storage: Storage) -> None:
        session = new_session(storage)
        first, second, third = (admitted(storage, session, lease=lease) for lease in (LEASE, LEASE, None))
        assert storage.runs.finish(ended(second, status=RunStatus.CANCELLED)) == Ended()
        assert storage.runs.finish(ended(first)) == Ended(third.id)

    def test_a_paused_run_that_ends_names_the_next_one(self, storage: Storage) -> None:
        session = new_session(storage)
        first = admitted(storage, session)
        second = admitted(storage, session, lease=None)
        storage.runs.finish(ended(first))
        run = claimed(storage, second.id).run
        third = admitted(storage, session, lease=None)
        run = paused_run(storage, run)
        assert storage.runs.finish(ended(run, status=RunStatus.CANCELLED)) == Ended(third.id)

    def test_an_unclaimed_run_is_named_once_its_time_is_over(self, storage: Storage) -> None:
        late = admit(storage, new_run(seconds=1), None, claim_within=-1.0).run
        later = admit(storage, new_run(seconds=2), None, claim_within=-1.0).run
        admit(storage, new_run(), None, claim_within=60.0)
        found = storage.runs.unattended(limit=9)
        assert sorted(found.unclaimed) == sorted([late.id, later.id])
        assert (len(found.lost), len(found.stopped)) == (0, 0)
        assert len(storage.runs.unattended(limit=1).unclaimed) == 1
        claimed(storage, late.id)
        assert list(storage.runs.unattended(limit=9).unclaimed) == [later.id]
        storage.runs.finish(ended(later, status=RunStatus.CANCELLED))
        assert list(storage.runs.unattended(limit=9).unclaimed) == []

    def test_an_unclaimed_run_is_named_only_if_it_could_be_claimed(self, storage: Storage) -> None:
        session = new_session(storage)
        first = admitted(storage, session)
        behind = [admit(storage, new_run(session), None, claim_within=-1.0).run for _ in range(2)]
        assert list(storage.runs.unattended(limit=1).unclaimed) == []
        storage.runs.finish(ended(first))
        assert list(storage.runs.unattended(limit=9).unclaimed) == [behind[0].id]

    def test_a_resumed_run_is_named_once_its_time_is_over(self, storage: Storage) -> None:
        late, early = paused(storage), paused(storage)
        answer(storage, late, claim_within=-1.0)
        answer(storage, early)
        assert list(storage.runs.unattended(limit=9).unclaimed) == [late.id]
        claimed(storage, early.id)

    def test_runs_without_a_worker_that_are_to_stop_are_named(self, storage: Storage) -> None:
        waiting = paused(storage)
        resumed = answer(storage, paused(storage), claim_within=-1.0)
        unclaimed = admit(storage, new_run(), None, claim_within=-1.0).run
        session = new_session(storage)
        running, lost = admitted(storage, session), admitted(storage, session, lease=Lease("gone", -1.0))
        other = paused(storage)
        for run in (waiting, resumed, unclaimed, running, lost):
            storage.runs.request_cancel(run.id, owner=None)
        found = storage.runs.unattended(limit=9)
        assert sorted(found.stopped) == sorted([waiting.id, resumed.id, unclaimed.id, lost.id])
        assert (len(found.unclaimed), len(found.lost)) == (0, 0)
        assert len(storage.runs.unattended(limit=2).stopped) == 2
        for run in (waiting, resumed, unclaimed, lost):
            assert storage.runs.finish(ended(run, status=RunStatus.CANCELLED))
        assert list(storage.runs.unattended(limit=9).stopped) == []
        assert storage.runs.get(other.id, owner=None) == other

    def test_a_request_to_stop_names_the_worker_that_has_the_run(self, storage: Storage) -> None:
        session = new_session(storage)
        running, waiting = admitted(storage, session), admitted(storage, session, lease=Lease("other", 60.0))
        unclaimed, at_rest = admitted(storage, session, lease=None), paused(storage)
        workers = []
        for run in (running, waiting, unclaimed, at_rest):
            asked = storage.runs.request_cancel(run.id, owner=None)
            assert asked is not None
            workers.append(asked.worker_id)
        assert workers == [LEASE.worker_id, "other", None, None]
