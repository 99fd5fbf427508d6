"""The promises about a run that pauses: it is saved with all that it needs, and has no worker."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentos.domain.run import Run, RunStatus
from agentos.domain.usage import Usage
from agentos.errors import RateLimited, RunCancelled
from agentos.storage.events import FrameBatch
from agentos.storage.interface import Storage
from agentos.storage.paging import Paging
from agentos.storage.runs import RunFilter
from agentos.testing.storage.contract import (
    AWKWARD,
    LEASE,
    THREADS,
    Contract,
    admitted,
    at,
    at_once,
    claimed,
    ended,
    frames,
    new_run,
    new_session,
)
from agentos.testing.storage.pausing import (
    RECORD,
    action,
    answer,
    checkpoint,
    pause,
    paused,
    paused_run,
    read,
    stored_record,
)


class PauseContract(Contract):
    """Pauses."""

    def test_a_paused_run_has_what_it_said_and_waits_for(self, storage: Storage) -> None:
        session = new_session(storage)
        run = admitted(storage, session)
        actions = (action(schema=AWKWARD, message="é \U0001f600", expires_at=at(10**6)), action(number=3))
        said_so_far = replace(
            run,
            content="so far",
            reasoning="hm",
            model="p:m",
            finish_reason="tool_calls",
            usage=Usage(1, 2**40, 3, 1),
            loops=4,
            metadata=AWKWARD,
        )
        assert pause(storage, said_so_far, *actions)
        found = read(storage, run.id)
        assert found == replace(said_so_far, status=RunStatus.PAUSED, pending=actions)
        assert found.worker_id is None
        assert tuple(storage.runs.actions(run.id)) == actions

    def test_a_paused_run_has_no_worker_and_is_never_lost(self, storage: Storage) -> None:
        run = paused(storage)
        assert storage.runs.leased(LEASE.worker_id) == set()
        assert list(storage.runs.renew_leases(replace(LEASE, seconds=-1.0))) == []
        storage.runs.request_cancel(run.id, owner=None)
        assert list(storage.runs.cancel_requests(LEASE.worker_id)) == []
        found = storage.runs.unattended(limit=9)
        assert (len(found.lost), len(found.unclaimed)) == (0, 0)

    def test_lists_show_that_a_run_is_paused_and_leave_out_what_it_waits_for(self, storage: Storage) -> None:
        run = paused(storage)
        for where in (RunFilter(), RunFilter(status=RunStatus.PAUSED)):
            assert storage.runs.list(where, Paging()).items == [replace(run, pending=())]
        assert storage.runs.list(RunFilter(status=RunStatus.RUNNING), Paging()).items == []

    def test_the_last_frames_are_written_with_the_pause(self, storage: Storage) -> None:
        run = admitted(storage)
        storage.events.append([FrameBatch(run.id, frames(1, 2))])
        log = (*frames(2, 3), *frames(4, 4, kind="paused"))
        assert pause(storage, run, frames=log)
        assert tuple(storage.events.read(run.id)) == (*frames(1, 3), *frames(4, 4, kind="paused"))

    def test_a_pause_that_is_saved_again_changes_nothing(self, storage: Storage) -> None:
        run = admitted(storage)
        one = action()
        for _ in range(2):
            assert pause(storage, run, one, checkpoints=[checkpoint()], frames=frames(1, 2), records=[RECORD])
        waiting = read(storage, run.id)
        assert (waiting.status, waiting.pending) == (RunStatus.PAUSED, (one,))
        assert (len(storage.events.read(run.id)), len(storage.runs.checkpoints(run.id))) == (2, 1)
        record = stored_record(storage)
        assert record is not None
        assert record.version == 1

        resumed = answer(storage, run)
        assert pause(storage, run, one, frames=frames(1, 2))
        assert read(storage, run.id) == resumed
        again = claimed(storage, run.id).run
        assert pause(storage, run, one, frames=frames(1, 2))
        assert read(storage, run.id) == again

    @pytest.mark.parametrize("state", ["ended", "another worker's", "gone", "queued", "unknown"])
    def test_a_run_that_is_not_the_workers_does_not_pause(self, storage: Storage, state: str) -> None:
        session = new_session(storage)
        run = admitted(storage, session)
        if state == "ended":
            storage.runs.finish(ended(run))
        if state == "another worker's":
            storage.runs.renew_leases(replace(LEASE, seconds=-1.0))
            claimed(storage, run.id)
        if state == "gone":
            storage.sessions.delete(session.id, owner=None)
        if state == "queued":
            run = admitted(storage, session)
        if state == "unknown":
            run = new_run(session)
        before = storage.runs.get(run.id, owner=None)
        assert not pause(storage, run, checkpoints=[checkpoint()], frames=frames(1, 2), records=[RECORD])
        assert storage.runs.get(run.id, owner=None) == before
        self._left_nothing(storage, run)

    def test_a_run_that_was_asked_to_stop_does_not_pause(self, storage: Storage) -> None:
        run = admitted(storage)
        storage.runs.request_cancel(run.id, owner=None)
        with pytest.raises(RunCancelled):
            pause(storage, run, checkpoints=[checkpoint()], frames=frames(1, 2), records=[RECORD])
        assert read(storage, run.id) == run
        self._left_nothing(storage, run)
        assert storage.runs.finish(ended(run, status=RunStatus.CANCELLED))

    def test_a_pause_without_an_action_is_refused(self, storage: Storage) -> None:
        run = admitted(storage)
        with pytest.raises(ValueError, match="action"):
            storage.runs.pause(run, checkpoints=(), actions=())
        assert read(storage, run.id) == run

    def test_as_many_runs_of_an_owner_are_paused_as_the_limit_allows(self, storage: Storage) -> None:
        first = paused(storage, owner="alice")
        paused(storage, owner="alice")
        paused(storage, owner="bob")
        third = admitted(storage, owner="alice")
        with pytest.raises(RateLimited, match=r"\b2\b.*AGENTOS_MAX_PAUSED_RUNS_PER_OWNER"):
            pause(storage, third, checkpoints=[checkpoint()], frames=frames(1, 2), records=[RECORD], limit=2)
        assert read(storage, third.id) == third
        self._left_nothing(storage, third)
        assert pause(storage, admitted(storage, owner="bob"), limit=2)
        storage.runs.finish(ended(first, status=RunStatus.CANCELLED))
        assert pause(storage, third, limit=2)
        answer(storage, third)
        assert pause(storage, admitted(storage, owner="alice"), limit=2)
        with pytest.raises(RateLimited):
            pause(storage, admitted(storage, owner="carol"), limit=0)

    def test_of_simultaneous_pauses_exactly_as_many_are_saved_as_the_limit_allows(self, storage: Storage) -> None:
        runs = [admitted(storage, owner=owner) for owner in ("alice", "bob") for _ in range(THREADS // 2)]
        saved: list[str] = []

        def pause_one(number: int) -> None:
            try:
                assert pause(storage, runs[number], limit=2)
                saved.append(runs[number].owner)
            except RateLimited:
                assert read(storage, runs[number].id) == runs[number]

        at_once(pause_one)
        assert sorted(saved) == ["alice", "alice", "bob", "bob"]

    def test_records_are_put_with_the_pause(self, storage: Storage) -> None:
        assert pause(storage, admitted(storage), records=[RECORD, replace(RECORD, id="other", due_at=None)])
        assert stored_record(storage) == replace(RECORD, version=1)
        other = storage.records.get(RECORD.collection, "other", owner="alice")
        assert other == replace(RECORD, id="other", due_at=None, version=1)

    def test_actions_of_an_earlier_pause_are_kept(self, storage: Storage) -> None:
        one, two, three = action(), action(created_at=at(9)), action(created_at=at(8))
        run = admitted(storage)
        assert pause(storage, run, one)
        answer(storage, run)
        claim = claimed(storage, run.id)
        assert [found.id for found in claim.actions] == [one.id]
        again = paused_run(storage, claim.run, two, three)
        assert again.pending == (two, three)
        assert [found.id for found in storage.runs.actions(run.id)] == [one.id, two.id, three.id]
        answer(storage, run)
        assert [found.id for found in claimed(storage, run.id).actions] == [two.id, three.id]

    def _left_nothing(self, storage: Storage, run: Run) -> None:
        assert list(storage.runs.actions(run.id)) == []
        assert list(storage.runs.checkpoints(run.id)) == []
        assert list(storage.events.read(run.id)) == []
        assert stored_record(storage) is None
