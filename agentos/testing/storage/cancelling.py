"""The promises about asking a run to stop."""

from __future__ import annotations

import pytest

from agentos.domain.run import RunStatus
from agentos.storage.admission import Lease
from agentos.storage.interface import Storage
from agentos.testing.storage.contract import (
    LEASE,
    Contract,
    admit,
    admitted,
    at,
    claimed,
    ended,
    new_run,
    new_session,
    said,
    taken_over,
)

OTHER = Lease("worker-2", 60.0)


class CancelContract(Contract):
    """Requests to stop."""

    def test_the_worker_that_executes_a_run_finds_that_it_is_to_stop(self, storage: Storage) -> None:
        session = new_session(storage)
        run, queued, other = admitted(storage, session), admitted(storage, session), admitted(storage, lease=OTHER)
        admitted(storage)
        assert list(storage.runs.cancel_requests(LEASE.worker_id)) == []
        for one in (run, queued, other):
            asked = storage.runs.request_cancel(one.id, owner=None)
            assert asked == one
            assert asked.worker_id == one.worker_id is not None
        assert sorted(storage.runs.cancel_requests(LEASE.worker_id)) == sorted([run.id, queued.id])
        assert list(storage.runs.cancel_requests(OTHER.worker_id)) == [other.id]

    def test_a_request_is_there_until_the_run_has_ended(self, storage: Storage) -> None:
        run = admitted(storage)
        storage.runs.request_cancel(run.id, owner=None)
        storage.runs.request_cancel(run.id, owner=None)
        assert list(storage.runs.cancel_requests(LEASE.worker_id)) == [run.id]
        storage.runs.finish(ended(run, status=RunStatus.CANCELLED))
        assert list(storage.runs.cancel_requests(LEASE.worker_id)) == []

    def test_the_worker_that_takes_a_lost_run_over_finds_that_it_is_to_stop(self, storage: Storage) -> None:
        run = admitted(storage, lease=Lease("gone", -1.0))
        storage.runs.request_cancel(run.id, owner=None)
        (lost,) = storage.runs.unattended(limit=9).lost
        assert claimed(storage, lost).cancel_requested
        assert list(storage.runs.cancel_requests("gone")) == []
        assert list(storage.runs.cancel_requests(LEASE.worker_id)) == [run.id]

    def test_a_queued_run_that_is_to_stop_does_not_start_any_more(self, storage: Storage) -> None:
        session = new_session(storage)
        first, second, third = (admitted(storage, session) for _ in range(3))
        storage.runs.request_cancel(second.id, owner=None)
        storage.runs.finish(ended(first))
        assert storage.runs.claim(second.id, LEASE, now=at(1)) is None
        assert storage.runs.get(second.id, owner=None) == second
        storage.runs.finish(ended(second, status=RunStatus.CANCELLED))
        claimed(storage, third.id)

    def test_a_request_for_an_unknown_run_is_none(self, storage: Storage) -> None:
        assert storage.runs.request_cancel("x", owner=None) is None

    @pytest.mark.parametrize("forget", [False, True])
    def test_a_request_for_a_run_that_has_ended_changes_nothing(self, storage: Storage, forget: bool) -> None:
        session = new_session(storage)
        end = ended(admitted(storage, session))
        storage.runs.finish(end, messages=said("q", "a"))
        assert storage.runs.request_cancel(end.id, owner=None, forget=forget) == end
        assert storage.runs.get(end.id, owner=None) == end
        assert list(storage.runs.cancel_requests(LEASE.worker_id)) == []
        history = storage.sessions.history(session.id, owner=None, limit=9)
        assert (len(history.messages), list(history.runs)) == (2, [end])

    def test_a_request_for_a_failed_run_does_not_take_it_from_the_history(self, storage: Storage) -> None:
        session = new_session(storage)
        end = ended(admitted(storage, session), status=RunStatus.FAILED)
        storage.runs.finish(end)
        storage.runs.request_cancel(end.id, owner=None, forget=True)
        assert list(storage.sessions.history(session.id, owner=None, limit=9).runs) == [end]

    @pytest.mark.parametrize(("wishes", "kept"), [([False], 2), ([True], 0), ([True, False], 0), ([False, True], 0)])
    def test_what_a_stopped_run_wrote_is_kept_unless_it_is_to_be_forgotten(
        self, storage: Storage, wishes: list[bool], kept: int
    ) -> None:
        session = new_session(storage)
        run = admitted(storage, session)
        for forget in wishes:
            storage.runs.request_cancel(run.id, owner=None, forget=forget)
        assert storage.runs.finish(ended(run, status=RunStatus.CANCELLED), messages=said("q", "half"))
        assert len(storage.sessions.history(session.id, owner=None, limit=9).messages) == kept
        assert len(admit(storage, new_run(session)).history or ()) == kept

    def test_a_run_that_is_to_be_forgotten_stays_so_when_another_worker_takes_it(self, storage: Storage) -> None:
        session = new_session(storage)
        run = admitted(storage, session, lease=Lease("gone", -1.0))
        storage.runs.request_cancel(run.id, owner=None, forget=True)
        (taken,) = taken_over(storage)
        storage.runs.finish(ended(taken), messages=said("q", "a"))
        assert list(storage.sessions.history(session.id, owner=None, limit=9).messages) == []
