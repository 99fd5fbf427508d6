"""The promises about asking a run to stop."""

from __future__ import annotations

import pytest

from agentos.domain.run import RunStatus
from agentos.storage.interface import Storage
from agentos.storage.values import Lease
from agentos.testing.storage.contract import LEASE, Contract, admit, admitted, at, ended, new_run, new_session, said

OTHER = Lease("worker-2", 60.0)


class CancelContract(Contract):
    """Requests to stop."""

    def test_the_worker_that_executes_a_run_is_told_that_it_is_to_stop(self, storage: Storage) -> None:
        session = new_session(storage)
        run, queued, other = admitted(storage, session), admitted(storage, session), admitted(storage, lease=OTHER)
        admitted(storage)
        assert list(storage.cancel_requests(LEASE.owner)) == []
        for one in (run, queued, other):
            assert storage.request_cancel(one.id, owner=None) == one
        assert sorted(storage.cancel_requests(LEASE.owner)) == sorted([run.id, queued.id])
        assert list(storage.cancel_requests(OTHER.owner)) == [other.id]

    def test_a_request_is_there_until_the_run_has_ended(self, storage: Storage) -> None:
        run = admitted(storage)
        storage.request_cancel(run.id, owner=None)
        storage.request_cancel(run.id, owner=None)
        assert list(storage.cancel_requests(LEASE.owner)) == [run.id]
        storage.finish_run(ended(run, status=RunStatus.CANCELLED))
        assert list(storage.cancel_requests(LEASE.owner)) == []

    def test_whoever_takes_a_lost_run_over_is_told_that_it_is_to_stop(self, storage: Storage) -> None:
        run = admitted(storage, lease=Lease("gone", -1.0))
        storage.request_cancel(run.id, owner=None)
        storage.take_lost_runs(LEASE, limit=9)
        assert list(storage.cancel_requests("gone")) == []
        assert list(storage.cancel_requests(LEASE.owner)) == [run.id]

    def test_a_queued_run_that_is_to_stop_does_not_start_any_more(self, storage: Storage) -> None:
        session = new_session(storage)
        first, second, third = (admitted(storage, session) for _ in range(3))
        storage.request_cancel(second.id, owner=None)
        storage.finish_run(ended(first))
        assert storage.claim_turn(second, history_turns=10, now=at(1)) is None
        assert storage.get_run(second.id, owner=None) == second
        storage.finish_run(ended(second, status=RunStatus.CANCELLED))
        assert storage.claim_turn(third, history_turns=10, now=at(1)) is not None

    def test_a_request_for_an_unknown_run_is_none(self, storage: Storage) -> None:
        assert storage.request_cancel("x", owner=None) is None

    @pytest.mark.parametrize("forget", [False, True])
    def test_a_request_for_a_run_that_has_ended_changes_nothing(self, storage: Storage, forget: bool) -> None:
        session = new_session(storage)
        end = ended(admitted(storage, session))
        storage.finish_run(end, messages=said("q", "a"))
        assert storage.request_cancel(end.id, owner=None, forget=forget) == end
        assert storage.get_run(end.id, owner=None) == end
        assert list(storage.cancel_requests(LEASE.owner)) == []
        history = storage.history(session.id, owner=None, limit=9)
        assert (len(history.messages), list(history.runs)) == (2, [end])

    def test_a_request_for_a_failed_run_does_not_take_it_from_the_history(self, storage: Storage) -> None:
        session = new_session(storage)
        end = ended(admitted(storage, session), status=RunStatus.FAILED)
        storage.finish_run(end)
        storage.request_cancel(end.id, owner=None, forget=True)
        assert list(storage.history(session.id, owner=None, limit=9).runs) == [end]

    @pytest.mark.parametrize(("wishes", "kept"), [([False], 2), ([True], 0), ([True, False], 0), ([False, True], 0)])
    def test_what_a_stopped_run_wrote_is_kept_unless_it_is_to_be_forgotten(
        self, storage: Storage, wishes: list[bool], kept: int
    ) -> None:
        session = new_session(storage)
        run = admitted(storage, session)
        for forget in wishes:
            storage.request_cancel(run.id, owner=None, forget=forget)
        assert storage.finish_run(ended(run, status=RunStatus.CANCELLED), messages=said("q", "half"))
        assert len(storage.history(session.id, owner=None, limit=9).messages) == kept
        assert len(admit(storage, new_run(session)).history) == kept

    def test_a_run_that_is_to_be_forgotten_stays_so_when_another_worker_takes_it(self, storage: Storage) -> None:
        session = new_session(storage)
        run = admitted(storage, session, lease=Lease("gone", -1.0))
        storage.request_cancel(run.id, owner=None, forget=True)
        (taken,) = storage.take_lost_runs(LEASE, limit=9)
        storage.finish_run(ended(taken), messages=said("q", "a"))
        assert list(storage.history(session.id, owner=None, limit=9).messages) == []
