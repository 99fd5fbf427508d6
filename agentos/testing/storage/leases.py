"""The promises about leases: which worker has a run, and what happens to the runs of lost workers."""

from __future__ import annotations

import threading
from dataclasses import replace

from agentos.domain.media import Media
from agentos.domain.run import RunStatus
from agentos.storage.admission import Lease
from agentos.storage.interface import Storage
from agentos.testing.storage.contract import LEASE, Contract, admitted, at, ended, new_session, said

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
        assert [run.id for run in storage.runs.take_lost(LEASE, limit=9)] == [others.id]

    def test_a_living_workers_runs_are_not_lost(self, storage: Storage) -> None:
        admitted(storage)
        assert list(storage.runs.take_lost(Lease("sweeper", 60.0), limit=9)) == []

    def test_a_lost_run_is_taken_with_the_next_attempt_and_a_new_lease(self, storage: Storage) -> None:
        session = new_session(storage)
        first = admitted(storage, session, lease=GONE, seconds=1, media=(Media("image", url="https://example.com"),))
        second = admitted(storage, session, lease=GONE, seconds=2)
        taken = storage.runs.take_lost(LEASE, limit=9)
        assert list(taken) == [replace(first, attempt=2), replace(second, attempt=2)]
        assert [storage.runs.get(run.id, owner=None) for run in taken] == list(taken)
        assert sorted(storage.runs.renew_leases(LEASE)) == sorted(run.id for run in taken)
        assert list(storage.runs.take_lost(LEASE, limit=9)) == []

    def test_no_more_lost_runs_are_taken_than_asked_for(self, storage: Storage) -> None:
        for _ in range(3):
            admitted(storage, lease=GONE)
        assert [len(storage.runs.take_lost(LEASE, limit=2)) for _ in range(3)] == [2, 1, 0]

    def test_a_worker_that_lost_its_run_cannot_end_it(self, storage: Storage) -> None:
        session = new_session(storage)
        lost = admitted(storage, session, lease=GONE)
        (taken,) = storage.runs.take_lost(LEASE, limit=9)
        assert not storage.runs.finish(ended(lost), messages=said("a"))
        assert storage.runs.finish(ended(taken, status=RunStatus.FAILED))
        found = storage.runs.get(lost.id, owner=None)
        assert found is not None
        assert found.status is RunStatus.FAILED
        assert list(storage.sessions.history(session.id, owner=None, limit=9).messages) == []

    def test_a_taken_run_can_be_started_again_in_its_place(self, storage: Storage) -> None:
        session = new_session(storage)
        admitted(storage, session, lease=GONE)
        (taken,) = storage.runs.take_lost(LEASE, limit=9)
        again = storage.runs.start(taken, history_turns=10, now=at(9))
        assert again is not None
        assert (again.run.attempt, again.run.started_at) == (2, at(9))

    def test_an_ended_run_is_never_lost(self, storage: Storage) -> None:
        storage.runs.finish(ended(admitted(storage, lease=GONE)))
        assert list(storage.runs.take_lost(LEASE, limit=9)) == []

    def test_simultaneous_sweepers_take_each_run_once(self, storage: Storage) -> None:
        lost = [admitted(storage, lease=GONE).id for _ in range(12)]
        taken: list[str] = []

        def sweep() -> None:
            while found := storage.runs.take_lost(LEASE, limit=2):
                taken.extend(run.id for run in found)

        threads = [threading.Thread(target=sweep) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(taken) == sorted(lost)
