"""The promises about what waits in the whole deployment. A storage may leave them out: then it says ``None``."""

from __future__ import annotations

import pytest

from agentos.domain.activity import Backlog
from agentos.domain.pending import PendingKind
from agentos.storage.interface import Storage
from agentos.testing.storage.contract import Contract, admitted, at, claimed, ended, new_session
from agentos.testing.storage.pausing import action, answer, paused


def _backlog(storage: Storage) -> Backlog:
    found = storage.runs.backlog()
    if found is None:
        pytest.skip("this storage does not count what waits")
    return found


class BacklogContract(Contract):
    """Counts and ages."""

    def test_nothing_waits_in_an_empty_storage_or_while_runs_are_under_way(self, storage: Storage) -> None:
        nothing = Backlog(queued=0, oldest_queued_at=None, paused=0, oldest_approval_at=None)
        assert _backlog(storage) == nothing
        run = admitted(storage)
        assert _backlog(storage) == nothing
        storage.runs.finish(ended(run))
        assert _backlog(storage) == nothing

    def test_runs_wait_for_a_worker_or_for_their_turn(self, storage: Storage) -> None:
        session = new_session(storage)
        admitted(storage, session)
        admitted(storage, session, seconds=2)
        unclaimed = admitted(storage, lease=None, owner="alice", seconds=1)
        found = _backlog(storage)
        assert (found.queued, found.oldest_queued_at, found.paused) == (2, at(1), 0)
        claimed(storage, unclaimed.id)
        found = _backlog(storage)
        assert (found.queued, found.oldest_queued_at) == (1, at(2))

    def test_paused_runs_and_their_oldest_approval_without_an_answer(self, storage: Storage) -> None:
        paused(storage, actions=(action(number=1, kind=PendingKind.INPUT, created_at=at(1)),))
        assert (_backlog(storage).paused, _backlog(storage).oldest_approval_at) == (1, None)
        run = paused(storage, owner="alice", actions=(action(number=2, created_at=at(2)),))
        paused(storage, actions=(action(number=3, created_at=at(3)),))
        assert (_backlog(storage).paused, _backlog(storage).oldest_approval_at) == (3, at(2))
        answer(storage, run)
        found = _backlog(storage)
        assert (found.paused, found.oldest_approval_at, found.queued) == (2, at(3), 1)
