"""The promises about paused runs that end, or are deleted: nothing of the pause is left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentos.domain.run import Run, RunStatus
from agentos.domain.session_state import StateChange
from agentos.domain.usage import Usage
from agentos.errors import PreconditionFailed
from agentos.storage.interface import Storage
from agentos.storage.runs import Deleted
from agentos.storage.sessions import SessionChanges
from agentos.testing.storage.contract import (
    Contract,
    admit,
    admitted,
    at,
    claimed,
    ended,
    frames,
    new_run,
    new_session,
)
from agentos.testing.storage.pausing import (
    APPROVED,
    RECORD,
    action,
    answer,
    checkpoint,
    paused,
    paused_run,
    read,
    stored_record,
)


class EndOfPauseContract(Contract):
    """Paused runs that end, or are deleted."""

    def test_a_paused_run_can_be_ended_by_any_worker_that_has_read_it(self, storage: Storage) -> None:
        session = new_session(storage)
        run = paused(storage, session)
        end = ended(replace(run, pending=()), status=RunStatus.CANCELLED, content="so far", usage=Usage(3, 4, 0))
        assert storage.runs.finish(end, frames=frames(4, 4, kind="error"), records=[RECORD])
        assert read(storage, run.id) == end
        assert len(storage.events.read(run.id)) == 4
        assert stored_record(storage) is not None
        found = storage.sessions.get(session.id, owner=None)
        assert found is not None
        assert (found.run_count, found.total_tokens) == (1, 7)
        assert admit(storage, new_run(session)).run.status is RunStatus.RUNNING

    def test_an_end_keeps_the_actions_that_were_answered_and_no_others(self, storage: Storage) -> None:
        one, two = action(), action()
        run = paused(storage, actions=(one, two))
        storage.runs.answer(run.id, {one.id: APPROVED}, owner=None)
        assert storage.runs.finish(ended(run, status=RunStatus.FAILED))
        assert [found.id for found in storage.runs.actions(run.id)] == [one.id]
        assert list(storage.runs.checkpoints(run.id)) == []
        assert read(storage, run.id).pending == ()

    def test_a_pause_that_was_resumed_meanwhile_is_not_ended(self, storage: Storage) -> None:
        run = paused(storage)
        answer(storage, run)
        again = claimed(storage, run.id).run
        assert storage.runs.finish(ended(run, status=RunStatus.FAILED), records=[RECORD]) is None
        assert read(storage, run.id) == again
        assert stored_record(storage) is None

    def test_an_end_that_fails_puts_no_records(self, storage: Storage) -> None:
        session = new_session(storage, state={"count": 1})
        run = admitted(storage, session)
        storage.sessions.update(session.id, SessionChanges(state={}), owner=None, now=at(3))
        patch = [{"op": "replace", "path": "/count", "value": 2}]
        change = StateChange(version=session.version, state={"count": 2}, patches=[patch], most=1000)
        with pytest.raises(PreconditionFailed):
            storage.runs.finish(ended(run), state=change, records=[RECORD])
        assert stored_record(storage) is None
        assert storage.runs.finish(ended(run), records=[RECORD])
        assert stored_record(storage) == replace(RECORD, version=1)

    def test_a_deleted_paused_run_leaves_nothing_behind(self, storage: Storage) -> None:
        session = new_session(storage)
        run = admitted(storage, session)
        behind = admitted(storage, session, lease=None)
        said_so_far = replace(run, usage=Usage(3, 4, 0))
        run = paused_run(storage, said_so_far, checkpoints=[checkpoint()], frames=frames(1, 2))
        before = storage.sessions.get(session.id, owner=None)
        assert storage.runs.delete(run.id, owner="bob") is None
        assert storage.runs.delete(run.id, owner=None) is not None
        self._is_gone(storage, run)
        assert storage.sessions.get(session.id, owner=None) == before
        claimed(storage, behind.id)

    def test_a_paused_run_does_not_grow_old(self, storage: Storage) -> None:
        kept = [paused(storage), answer(storage, paused(storage))]
        assert storage.runs.delete_old(ended_before=at(10**9), limit=9) == (0, None)
        assert storage.events.delete_old(ended_before=at(10**9), limit=9) == 0
        assert [read(storage, run.id) for run in kept] == kept
        assert len(storage.events.read(kept[0].id)) == 3

    def test_a_paused_run_goes_with_its_session(self, storage: Storage) -> None:
        session = new_session(storage)
        run = paused(storage, session)
        assert storage.sessions.delete(session.id, owner=None)
        self._is_gone(storage, run)

    def test_a_paused_run_goes_with_all_that_its_owner_has(self, storage: Storage) -> None:
        run, other = paused(storage, owner="alice"), paused(storage, owner="bob")
        (asked,) = storage.runs.request_cancel_of_owner("alice")
        assert (asked.id, asked.worker_id) == (run.id, None)
        assert storage.runs.delete_of_owner("alice", limit=9) == (Deleted(runs=1), None)
        self._is_gone(storage, run)
        assert read(storage, other.id) == other

    def _is_gone(self, storage: Storage, run: Run) -> None:
        assert storage.runs.get(run.id, owner=None) is None
        assert list(storage.runs.actions(run.id)) == []
        assert list(storage.runs.checkpoints(run.id)) == []
        assert list(storage.events.read(run.id)) == []
