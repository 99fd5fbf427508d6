"""The machine: workers, clients, a sweeper and a housekeeper on one storage; and what has to hold after each step."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from agentos.domain.run import BusyPolicy, RunStatus
from agentos.errors import SessionNotFound
from agentos.storage.admission import Lease
from agentos.storage.paging import Paging
from agentos.storage.pauses import PendingFilter
from agentos.storage.runs import RunFilter
from agentos.storage.sessions import SessionFilter
from agentos.testing.storage.contract import ended, frames, new_run
from parts.run_promises.clients import EXPIRY
from parts.run_promises.expected import OWNERS, TURNS, WORKERS, sees
from parts.run_promises.running import Running

SWEEPER = Lease("sweeper", 60.0)
LATER = datetime.now(UTC) + timedelta(days=365)
ALL = Paging(limit=1000)


class Promises(Running):
    """All of it."""

    @initialize()
    def start(self):
        for owner in OWNERS:
            self.create_session(None, owner)
        for worker in WORKERS:
            self.admit_into(next(iter(self.sessions)), worker, BusyPolicy.ENQUEUE)

    # --- housekeeping ------------------------------------------------------------------------------------------

    @rule(limit=st.integers(1, 3))
    def delete_frames(self, limit):
        logged = [one for one in self.runs.values() if not one.open and one.frames]
        count = self.storage.events.delete_old(ended_before=LATER, limit=limit)
        assert count == min(limit, len(logged))
        left = [one for one in logged if self.storage.events.read(one.run.id)]
        assert len(left) == len(logged) - count
        for one in logged:
            if one not in left:
                one.frames.clear()

    @rule()
    def forget_keys(self):
        assert self.storage.idempotency.delete_old(created_before=LATER, limit=9) == len(self.keys)
        self.keys.clear()

    # --- the promises ------------------------------------------------------------------------------------------

    @invariant()
    def what_was_touched_is_as_promised(self):
        touched, self.touched = self.touched, set()
        self.check(touched)

    def check(self, run_ids):
        for run_id in run_ids:
            expected = self.runs.get(run_id)
            if expected is None:
                self.check_gone(run_id)
            else:
                self.check_run(expected)
        for session_id in {self.runs[run_id].run.session_id for run_id in run_ids if run_id in self.runs} - {None}:
            self.check_session(session_id)
        if run_ids:
            self.check_owners()
            self.check_workers()

    def check_gone(self, run_id):
        assert self.storage.runs.get(run_id, owner=None) is None
        runs = self.storage.runs
        for left in (self.storage.events.read(run_id), runs.checkpoints(run_id), runs.actions(run_id)):
            assert list(left) == []

    def check_run(self, expected):
        run = expected.run
        # What was acknowledged is there, and nothing that a stale attempt wrote.
        for asker in (*OWNERS, None):
            found = self.storage.runs.get(run.id, owner=asker)
            assert found == (run if sees(asker, run.owner) else None)
        log = self.storage.events.read(run.id)
        assert list(log) == expected.frames
        assert [frame.number for frame in log] == list(range(1, len(log) + 1))
        last = [index for index, frame in enumerate(log, 1) if frame.last]
        assert last == ([] if expected.open or not log else [len(log)])
        saved = [one.number for one in self.storage.runs.checkpoints(run.id)]
        assert saved == list(range(1, expected.checkpoints + 1))
        assert list(self.storage.runs.actions(run.id)) == expected.actions
        waiting = self.storage.runs.waiting(PendingFilter(run_id=run.id), ALL).items
        assert {one.action.id for one in waiting} == (
            {one.id for one in expected.pending} if expected.paused else set()
        )
        assert (self.storage.records.get(EXPIRY, run.id, owner=run.owner) is not None) is expected.has_record

    def check_owners(self):
        """A list of an owner is of that owner; runs without a session are left from the examples before."""
        for owner in OWNERS:
            sessions = self.storage.sessions.list(SessionFilter(owner=owner), ALL).items
            assert {session.id for session in sessions} == {one for one in self.sessions if self.visible(one, owner)}
            runs = self.storage.runs.list(RunFilter(owner=owner), ALL).items
            expected = {one.run.id for one in self.runs.values() if one.run.owner == owner}
            assert {run.id for run in runs} & set(self.runs) == expected
            waiting = self.storage.runs.waiting(PendingFilter(owner=owner), ALL).items
            assert {one.run_id for one in waiting} == {one.run.id for one in self.waiting() if one.run.owner == owner}

    def check_workers(self):
        for worker in WORKERS:
            own = {one.run.id for one in self.runs.values() if one.open and one.worker == worker}
            assert self.storage.runs.leased(worker) == own
            asked = [run_id for run_id in own if self.runs[run_id].asked_to_stop]
            assert sorted(self.storage.runs.cancel_requests(worker)) == sorted(asked)

    def check_session(self, session_id):
        expected = self.of_session(session_id)
        owner = self.owners[session_id]
        (other,) = set(OWNERS) - {owner}
        assert self.storage.sessions.get(session_id, owner=other) is None
        with pytest.raises(SessionNotFound):
            self.storage.sessions.history(session_id, owner=other, limit=1000)
        history = self.storage.sessions.history(session_id, owner=owner, limit=1000)
        spoken = [(one.run.id, text) for one in expected for text in one.spoke]
        assert [(one.run_id, one.message.content) for one in history.messages] == spoken
        assert [one.sequence for one in history.messages] == list(range(1, len(spoken) + 1))
        shown = [one.run for one in expected if not one.open and not one.to_be_forgotten]
        assert list(history.runs) == shown
        stored = self.storage.runs.list(RunFilter(session_id=session_id), ALL).items
        assert sorted(run.position for run in stored) == [one.run.position for one in expected]
        # One at a time: what waits for a person keeps the others waiting.
        assert sum(run.status in (RunStatus.RUNNING, RunStatus.PAUSED) for run in stored) <= 1
        session = self.storage.sessions.get(session_id, owner=owner)
        assert session.run_count == sum(not one.open for one in expected)
        assert session.state == {one.run.id: one.run.attempt for one in expected if one.changed_state}
        assert session.version == 1 + len(session.state) + self.renamed.get(session_id, 0)

    def teardown(self):
        """All workers are gone. Others end what they left, after which everything has ended exactly once."""
        for worker in WORKERS:
            self.crash(worker)
        ended_here = []
        while open_runs := [one for one in self.runs.values() if one.open]:
            first = [one for one in open_runs if self.first_before(one) is None]
            assert first
            for one in first:
                if not one.paused and not one.never_begins:
                    assert self.claim_as(one.run.id, SWEEPER.worker_id)
                self.finish_as(self.storage.runs.get(one.run.id, owner=None), RunStatus.FAILED)
                ended_here.append(one.run.id)
        assert len(ended_here) == len(set(ended_here))
        self.check(self.runs)
        for session_id in self.sessions:
            admission = self.storage.runs.admit(
                new_run(session_id=session_id), claim=SWEEPER, owner=None, history_turns=TURNS
            )
            assert admission.run.status is RunStatus.RUNNING
            assert tuple(admission.history) == self.window(session_id)


def clean(storage):
    """Make a storage as good as new for the next example, whatever a failed one left."""
    for status in (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.PAUSED):
        for run in storage.runs.list(RunFilter(status=status), ALL).items:
            storage.runs.finish(ended(run, status=RunStatus.FAILED), frames=frames(1000, 1000))
    while storage.events.delete_old(ended_before=LATER, limit=100):
        pass
    storage.idempotency.delete_old(created_before=LATER, limit=1000)
    while storage.sessions.delete_oldest(SessionFilter(), limit=1000):
        pass
