"""The promises about leases: which worker has a run, and what happens to the runs of lost workers."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest

from agentos.domain.media import Media
from agentos.domain.run import RunStatus
from agentos.errors import RunNotFound
from agentos.storage.admission import Lease, Unattended
from agentos.storage.interface import Storage
from agentos.testing.storage.contract import (
    LEASE,
    Contract,
    admitted,
    at,
    at_once,
    claimed,
    ended,
    new_session,
    said,
    taken_over,
)

GONE = Lease("gone", -1.0)
"""A lease that has run out when it begins."""


class LeaseContract(Contract):
    """Heartbeats and lost runs."""

    def test_a_heartbeat_prolongs_the_unfinished_runs_of_its_owner_alone(self, storage: Storage) -> None:
        session = new_session(storage)
        mine = [admitted(storage, session, lease=GONE).id, admitted(storage, session, lease=GONE).id]
        over = admitted(storage, lease=GONE)
        storage.runs.finish(ended(over))
        others = admitted(storage, lease=Lease("others", -1.0))
        assert sorted(storage.runs.renew_leases(Lease("gone", 60.0))) == sorted(mine)
        assert list(storage.runs.unattended(limit=9).lost) == [others.id]

    def test_a_living_workers_runs_are_not_lost(self, storage: Storage) -> None:
        session = new_session(storage)
        running, waiting = admitted(storage, session), admitted(storage, session)
        assert _nothing(storage.runs.unattended(limit=9))
        for run in (running, waiting):
            with pytest.raises(RunNotFound):
                storage.runs.claim(run.id, Lease("sweeper", 60.0), now=at(1))

    def test_a_lost_run_is_taken_with_the_next_attempt_and_a_new_lease(self, storage: Storage) -> None:
        media = (Media("image", url="https://example.com"),)
        lost = admitted(storage, new_session(storage), lease=GONE, seconds=1, media=media)
        assert list(storage.runs.unattended(limit=9).lost) == [lost.id]
        taken = claimed(storage, lost.id, seconds=9)
        assert taken.run == replace(lost, attempt=2, crashes=1)
        assert (taken.crashed, taken.history) == (True, None)
        assert storage.runs.get(lost.id, owner=None) == taken.run
        assert list(storage.runs.renew_leases(LEASE)) == [lost.id]
        assert _nothing(storage.runs.unattended(limit=9))

    def test_crashes_count_the_workers_that_were_lost_while_they_executed_the_run(self, storage: Storage) -> None:
        run = admitted(storage, lease=GONE)
        for crashes in (1, 2):
            again = claimed(storage, run.id, Lease("gone too", -1.0))
            assert (again.run.attempt, again.run.crashes, again.crashed) == (crashes + 1, crashes, True)

    def test_a_lost_run_that_waited_for_its_turn_was_in_no_crash(self, storage: Storage) -> None:
        session = new_session(storage)
        first, second = admitted(storage, session), admitted(storage, session, lease=GONE)
        assert storage.runs.claim(second.id, LEASE, now=at(1)) is None
        storage.runs.finish(ended(first))
        assert list(storage.runs.unattended(limit=9).lost) == [second.id]
        taken = claimed(storage, second.id, seconds=2)
        assert (taken.run.attempt, taken.run.crashes, taken.crashed) == (2, 0, False)
        assert (taken.run.status, taken.run.started_at) == (RunStatus.RUNNING, at(2))

    def test_lost_runs_that_could_not_be_claimed_yet_hide_no_others(self, storage: Storage) -> None:
        session = new_session(storage)
        admitted(storage, session)
        for seconds in range(3):
            admitted(storage, session, lease=GONE, seconds=seconds)
        lost = admitted(storage, lease=GONE, seconds=9)
        assert list(storage.runs.unattended(limit=2).lost) == [lost.id]

    def test_a_worker_that_was_silent_for_too_long_has_lost_its_own_runs_too(self, storage: Storage) -> None:
        run = admitted(storage, lease=Lease(LEASE.worker_id, -1.0))
        again = claimed(storage, run.id)
        assert (again.run.attempt, again.run.crashes, again.crashed) == (2, 1, True)
        assert not storage.runs.finish(ended(run))

    def test_no_more_lost_runs_are_named_than_asked_for(self, storage: Storage) -> None:
        lost = [admitted(storage, lease=GONE, seconds=seconds).id for seconds in range(3)]
        assert sorted(storage.runs.unattended(limit=9).lost) == sorted(lost)
        assert [len(taken_over(storage, limit=2)) for _ in range(3)] == [2, 1, 0]

    def test_a_worker_that_lost_its_run_cannot_end_it(self, storage: Storage) -> None:
        session = new_session(storage)
        lost = admitted(storage, session, lease=GONE)
        (taken,) = taken_over(storage)
        assert not storage.runs.finish(ended(lost), messages=said("a"))
        assert storage.runs.finish(ended(taken, status=RunStatus.FAILED))
        found = storage.runs.get(lost.id, owner=None)
        assert found is not None
        assert found.status is RunStatus.FAILED
        assert list(storage.sessions.history(session.id, owner=None, limit=9).messages) == []

    def test_an_ended_run_is_never_lost(self, storage: Storage) -> None:
        storage.runs.finish(ended(admitted(storage, lease=GONE)))
        assert _nothing(storage.runs.unattended(limit=9))

    def test_of_simultaneous_sweepers_one_takes_each_run(self, storage: Storage) -> None:
        lost = [admitted(storage, lease=GONE).id for _ in range(12)]
        taken: list[str] = []

        def sweep(number: int) -> None:
            while found := storage.runs.unattended(limit=2).lost:
                for run_id in found:
                    with suppress(RunNotFound):
                        claimed(storage, run_id, Lease(f"sweeper-{number}", 60.0))
                        taken.append(run_id)

        at_once(sweep, 4)
        assert sorted(taken) == sorted(lost)


def _nothing(unattended: Unattended) -> bool:
    return not (unattended.unclaimed or unattended.lost or unattended.stopped)
