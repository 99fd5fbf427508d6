"""The promises about what the end of a run saves besides its answer: its steps, and what it did to its session."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agentos.domain.json_patch import Patch, apply_patch
from agentos.domain.run import Run, RunStatus
from agentos.domain.run_step import RunStep
from agentos.domain.session import Session
from agentos.domain.session_state import StateChange
from agentos.domain.usage import Usage
from agentos.errors import PreconditionFailed
from agentos.storage.interface import Storage
from agentos.storage.paging import Paging
from agentos.storage.runs import RunFilter
from agentos.storage.sessions import SessionChanges
from agentos.testing.storage.contract import AWKWARD, Contract, admitted, at, ended, frames, new_session, said

STEPS = (
    RunStep(
        number=1,
        type="model_call",
        status="failed",
        started_at=at(1),
        duration=0.25,
        model="p:m",
        attempt=1,
        cause="PROVIDER_UNAVAILABLE",
    ),
    RunStep(
        number=2,
        type="model_call",
        status="completed",
        started_at=at(2),
        duration=1.5,
        model="p:m",
        attempt=2,
        time_to_first_token=0.5,
        finish_reason="tool_calls",
        usage=Usage(1, 2**40, 3, 1),
    ),
    RunStep(
        number=9,
        type="tool_call",
        status="completed",
        started_at=at(3),
        duration=0.0,
        tool_name="é \U0001f600",
        tool_call_id="call_1",
    ),
)
ADD: Patch = [{"op": "add", "path": "/seen", "value": AWKWARD}]
REPLACE: Patch = [{"op": "replace", "path": "/count", "value": 2}]


def change(session: Session, *patches: Patch) -> StateChange:
    """Return what a run that began with this session did to its state."""
    state = session.state
    for patch in patches:
        state = apply_patch(state, patch, most=10_000)
    return StateChange(version=session.version, state=state, patches=patches, most=10_000)


def changed(storage: Storage, session: Session, **fields: Any) -> Session:
    """Return a session after a client changed it."""
    return storage.sessions.update(session.id, SessionChanges(**fields), owner=None, now=at(3))


def now_of(storage: Storage, session: Session) -> Session:
    """Return a session as it is now."""
    found = storage.sessions.get(session.id, owner=None)
    assert found is not None
    return found


class StepContract(Contract):
    """The steps of a run, and the state of its session."""

    @pytest.mark.parametrize("status", [status for status in RunStatus if status.finished])
    def test_a_run_keeps_its_steps_however_it_ended(self, storage: Storage, status: RunStatus) -> None:
        end = ended(admitted(storage), status=status, steps=STEPS)
        assert storage.runs.finish(end)
        assert storage.runs.get(end.id, owner=None) == end

    def test_a_run_that_made_no_call_has_no_steps(self, storage: Storage) -> None:
        run = admitted(storage)
        assert storage.runs.finish(ended(run))
        assert _found(storage, run).steps == ()

    def test_lists_and_histories_leave_steps_out(self, storage: Storage) -> None:
        session = new_session(storage)
        for texts in (("a", "b"), ()):
            end = ended(admitted(storage, session), steps=STEPS)
            assert storage.runs.finish(end, messages=said(*texts))
        listed = storage.runs.list(RunFilter(), Paging()).items
        shown = storage.sessions.history(session.id, owner=None, limit=9).runs
        assert [[run.steps for run in runs] for runs in (listed, shown)] == [[(), ()]] * 2

    def test_an_end_saves_the_state_and_counts_the_version_up(self, storage: Storage) -> None:
        session = new_session(storage, state={"count": 1}, metadata={"a": 1}, name="n")
        run = admitted(storage, session)
        assert storage.runs.finish(ended(run), messages=said("a", "b"), state=change(session, ADD, REPLACE))
        now = now_of(storage, session)
        assert now == replace(session, state={"count": 2, "seen": AWKWARD}, version=session.version + 1, run_count=1)
        assert list(now.state["seen"]) == list(AWKWARD)

    def test_an_end_without_a_change_leaves_state_and_version(self, storage: Storage) -> None:
        session = new_session(storage, state={"count": 1})
        assert storage.runs.finish(ended(admitted(storage, session)))
        assert (now_of(storage, session).state, now_of(storage, session).version) == ({"count": 1}, session.version)

    def test_a_change_is_applied_to_what_a_client_made_of_the_state_meanwhile(self, storage: Storage) -> None:
        session = new_session(storage, state={"count": 1})
        run = admitted(storage, session)
        changed(storage, session, state={"count": 7, "mine": True}, name="new")
        assert storage.runs.finish(ended(run), state=change(session, REPLACE, ADD))
        now = now_of(storage, session)
        assert (now.state, now.name, now.version) == ({"count": 2, "mine": True, "seen": AWKWARD}, "new", 3)

    def test_a_change_that_does_not_fit_any_more_ends_nothing(self, storage: Storage) -> None:
        session = new_session(storage, state={"count": 1})
        run = admitted(storage, session)
        changed(storage, session, state={})
        with pytest.raises(PreconditionFailed, match=r"does not fit any more: operation 0.*/count"):
            storage.runs.finish(
                ended(run), messages=said("a", "b"), frames=frames(1, 1), state=change(session, ADD, REPLACE)
            )
        assert _found(storage, run) == run
        now = now_of(storage, session)
        assert (now.state, now.version, now.run_count) == ({}, 2, 0)
        assert storage.sessions.history(session.id, owner=None, limit=9).messages == []
        assert storage.events.read(run.id) == []
        assert storage.runs.finish(ended(run, status=RunStatus.FAILED), frames=frames(1, 1))

    def test_a_run_that_is_to_be_forgotten_changes_no_state(self, storage: Storage) -> None:
        session = new_session(storage, state={"count": 1})
        run = admitted(storage, session)
        storage.runs.request_cancel(run.id, owner=None, forget=True)
        assert storage.runs.finish(ended(run), state=change(session, REPLACE))
        now = now_of(storage, session)
        assert (now.state, now.version, now.run_count) == ({"count": 1}, session.version, 1)

    def test_an_end_that_is_refused_changes_no_state(self, storage: Storage) -> None:
        session = new_session(storage, state={"count": 1})
        run = admitted(storage, session)
        assert not storage.runs.finish(replace(ended(run), attempt=0), state=change(session, REPLACE))
        assert now_of(storage, session) == session


def _found(storage: Storage, run: Run) -> Run:
    found = storage.runs.get(run.id, owner=None)
    assert found is not None
    return found
