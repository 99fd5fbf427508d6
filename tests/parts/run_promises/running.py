"""What workers do: they claim runs, write their logs, pause and end them, die, and look after those of the dead."""

from dataclasses import replace

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from agentos.domain.checkpoint import Checkpoint
from agentos.domain.pending import Answer
from agentos.domain.run import BusyPolicy, RunStatus
from agentos.domain.session_state import StateChange
from agentos.errors import RateLimited, RunCancelled, RunNotFound, SessionBusy
from agentos.storage.admission import Ended, Lease
from agentos.storage.events import FrameBatch
from agentos.storage.records import Record
from agentos.testing.storage.contract import at, ended, frames, said
from agentos.testing.storage.pausing import action
from parts.run_promises.clients import EXPIRY, LONG_AGO, Clients
from parts.run_promises.expected import WORKERS, ends, some, workers

actions_to_make = st.sampled_from([[False], [False], [False, False], [False, True], [True]])
"""Whether each is expired when it is made."""


class Running(Clients):
    """Workers on one storage."""

    @precondition(lambda self: self.runs)
    @rule(pick=some, worker=workers)
    def claim(self, pick, worker):
        known = [one.run.id for one in self.runs.values() if one.open or pick % 5 == 0] or list(self.runs)
        self.claim_as(known[pick % len(known)], worker)

    def claim_as(self, run_id, worker):
        """Claim a run, if it may be; return whether it was."""
        expected = self.runs.get(run_id)

        def call():
            return self.storage.runs.claim(run_id, Lease(worker, 60.0), now=at(1))

        waits_here = expected is not None and expected.status is RunStatus.QUEUED and expected.worker == worker
        if (
            expected is None
            or expected.status not in (RunStatus.QUEUED, RunStatus.RUNNING)
            or not (expected.unclaimed or waits_here or expected.late)
        ):
            with pytest.raises(RunNotFound):
                call()
            return False
        older = self.first_before(expected)
        if waits_here and not expected.asked_to_stop and older is not None and older.in_the_way:
            with pytest.raises(SessionBusy) as busy:
                call()
            assert busy.value.details["pending"] == [one.id for one in older.pending]
            return False
        admission = call()
        if older is not None or expected.never_begins:
            assert admission is None
            return False
        self.claimed(expected, admission, worker, waits_here=waits_here)
        return True

    def claimed(self, expected, admission, worker, *, waits_here):
        crashed = expected.status is RunStatus.RUNNING
        before = expected.run
        assert admission.run == replace(
            before,
            status=RunStatus.RUNNING,
            attempt=before.attempt + (not waits_here),
            crashes=before.crashes + crashed,
            started_at=before.started_at or at(1),
        )
        assert (admission.crashed, admission.history, admission.run.worker_id) == (crashed, None, worker)
        assert admission.cancel_requested is expected.asked_to_stop
        if before.session_id is not None:
            assert tuple(self.storage.runs.window(before.session_id, turns=2)) == self.window(before.session_id)
        log = expected.frames
        assert (admission.logged, admission.last_event) == ((len(log), log[-1].type) if log else (0, None))
        assert [one.number for one in admission.checkpoints] == list(range(1, expected.checkpoints + 1))
        assert list(admission.actions) == expected.actions[expected.earlier_actions :]
        expected.worker, expected.late = worker, False
        self.change(expected, admission.run)

    @precondition(lambda self: self.handed_out)
    @rule(pick=some, count=st.integers(1, 3), again=st.booleans(), checkpoint=st.booleans())
    def append(self, pick, count, again, checkpoint):
        run = self.any_run(pick)
        expected = self.mine(run)
        if expected is not None and expected.worker is None:
            return  # the worker has closed its log before
        known = self.runs.get(run.id)
        first = len(known.frames) + 1 if known is not None else 1
        number = known.checkpoints + 1 if known is not None else 1
        checkpoints = [Checkpoint(number=number)] if checkpoint else []
        batch = FrameBatch(run.id, frames(first, first + count - 1), run.attempt, checkpoints)
        for _ in range(1 + again):  # the answer to the first was lost
            assert set(self.storage.events.append([batch])) == (set() if expected is not None else {run.id})
        if expected is not None:
            expected.frames.extend(batch.frames)
            expected.checkpoints += checkpoint
        self.touched.add(run.id)

    @precondition(lambda self: self.handed_out)
    @rule(pick=some, status=ends)
    def finish(self, pick, status):
        views = self.executed()
        self.finish_as(views[pick % len(views)] if views and pick % 4 else self.any_run(pick), status)

    def finish_as(self, run, status):
        known = self.runs.get(run.id)
        started = known is not None and known.run.started_at is not None
        if status is RunStatus.COMPLETED and known is not None and known.status is not RunStatus.RUNNING:
            status = RunStatus.FAILED  # what does not execute cannot complete
        spoken = (f"q {run.id}", f"a {run.id}") if started and status is not RunStatus.FAILED else ()
        number = len(known.frames) + 1 if known is not None else 1
        last = frames(number, number, kind="complete" if status is RunStatus.COMPLETED else "error")
        end = ended(replace(run, pending=()), status=status, content=f"by attempt {run.attempt}")
        expected = self.mine(run)
        change = None
        if started and status is RunStatus.COMPLETED:
            patch = [{"op": "add", "path": f"/{run.id}", "value": run.attempt}]
            change = StateChange(version=0, state={}, patches=[patch], most=10**6)
        ending = self.storage.runs.finish(end, messages=said(*spoken), frames=last, state=change)
        assert (ending is not None) is (expected is not None)
        self.touched.add(run.id)
        if expected is None:
            return
        was_first = self.first_before(expected) is None
        expected.now(status=end.status, content=end.content, ended_at=end.ended_at, pending=())
        expected.worker, expected.checkpoints = None, 0
        expected.actions = [one for one in expected.actions if one.answer is not None]
        expected.spoke = () if expected.to_be_forgotten else spoken
        expected.changed_state = change is not None and not expected.to_be_forgotten
        expected.frames.extend(last)
        following = next((one for one in self.of_session(run.session_id) if one.open), None)
        free = following is not None and following.unclaimed and not following.never_begins
        next_id = following.run.id if free else None
        assert ending == Ended(next_id) or (not was_first and ending == Ended())

    @precondition(lambda self: any(one.open for one in self.runs.values()))
    @rule(pick=some, forget=st.booleans())
    def stop(self, pick, forget):
        """Stop a run, as far as its worker sees the request."""
        run = self.any_run(pick | 1)
        self.request(run, forget, run.owner)
        self.finish_as(run, RunStatus.CANCELLED)

    # --- pauses ------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.executed())
    @rule(pick=some, expired=actions_to_make, limit=st.sampled_from([None, None, 0, 1]), again=st.booleans())
    def pause(self, pick, expired, limit, again):
        views = self.executed()
        self.pause_as(views[pick % len(views)], expired, limit, again)

    @precondition(lambda self: self.executed())
    @rule(pick=some, count=st.integers(1, 2), worker=workers, late=st.booleans())
    def pause_and_resume(self, pick, count, worker, late):
        """Let a run pause, and another worker continue it."""
        views = self.executed()
        run = views[pick % len(views)]
        self.pause_as(run, [False] * count)
        expected = self.runs[run.id]
        if expected.paused:
            for one in expected.pending:
                self.answer_to(expected, {one.id: Answer(decision="approve")}, None, late)
            if not late:
                assert self.claim_as(run.id, worker)

    def pause_as(self, run, expired, limit=None, again=False):
        known = self.runs.get(run.id)
        expected = self.mine(run)
        log = len(known.frames) if known is not None else 0
        last = frames(log + 1, log + 1, kind="paused")
        number = known.checkpoints + 1 if known is not None else 1
        actions = [action(expires_at=LONG_AGO if one else None) for one in expired]
        record = Record(collection=EXPIRY, owner=run.owner, id=run.id)
        view = replace(run, content=f"so far by {run.attempt}")

        def call():
            return self.storage.runs.pause(
                view,
                checkpoints=[Checkpoint(number=number)],
                actions=actions,
                frames=last,
                records=[record],
                limit=limit,
            )

        self.touched.add(run.id)
        paused = sum(one.run.owner == run.owner for one in self.waiting())
        if expected is None or expected.status is not RunStatus.RUNNING:
            assert call() is False
        elif expected.asked_to_stop:
            with pytest.raises(RunCancelled):
                call()
        elif limit is not None and paused >= limit:
            with pytest.raises(RateLimited):
                call()
        else:
            for _ in range(1 + again):  # the answer to the first was lost
                assert call() is True
            expected.earlier_actions = len(expected.actions)
            expected.actions = [*expected.actions, *actions]
            expected.now(status=RunStatus.PAUSED, content=view.content, pending=tuple(actions))
            expected.worker, expected.late, expected.has_record = None, False, True
            expected.checkpoints += 1
            expected.frames.extend(last)

    @precondition(lambda self: self.executed())
    @rule(pick=some, both=st.booleans())
    def pause_and_answer_too_late(self, pick, both):
        views = self.executed()
        run = views[pick % len(views)]
        self.pause_as(run, [False, True] if both else [True])
        expected = self.runs[run.id]
        if expected.paused:
            self.answer_to(expected, {one.id: Answer(decision="reject") for one in expected.pending}, None, late=False)

    @precondition(lambda self: self.executed())
    @rule(pick=some, both=st.booleans(), again=st.booleans())
    def pause_and_expire(self, pick, both, again):
        """Let a run pause, and the expiry reject what was not decided in time; the run continues without it."""
        views = self.executed()
        run = views[pick % len(views)]
        self.pause_as(run, [False, True] if both else [True, True])
        expected = self.runs[run.id]
        if expected.paused:
            for _ in range(1 + again):
                self.expire_actions(expected, [one.id for one in expected.actions])

    @precondition(lambda self: any(one.expires_at is not None for run in self.waiting() for one in run.pending))
    @rule(pick=some)
    def expire(self, pick):
        """Any worker ends a run that was not answered in time."""
        over = [one for one in self.waiting() if any(action.expires_at is not None for action in one.pending)]
        run = self.storage.runs.get(over[pick % len(over)].run.id, owner=None)
        self.finish_as(run, RunStatus.FAILED)

    # --- what goes wrong, and which worker sees to it ----------------------------------------------------------

    @rule(worker=workers)
    def crash(self, worker):
        """A worker dies, or is stopped: its leases run out, by the database's clock."""
        self.renew(Lease(worker, -1.0), late=True)

    @rule(worker=workers)
    def heartbeat(self, worker):
        self.renew(Lease(worker, 60.0), late=False)

    def renew(self, lease, *, late):
        own = [one for one in self.runs.values() if one.worker == lease.worker_id and one.open]
        assert sorted(self.storage.runs.renew_leases(lease)) == sorted(one.run.id for one in own)
        for one in own:
            one.late = late

    @rule(worker=workers, limit=st.integers(1, 3))
    def crash_and_sweep(self, worker, limit):
        self.crash(worker)
        self.sweep(next(other for other in WORKERS if other != worker), limit)

    @rule(pick=some, worker=workers, limit=st.integers(1, 3))
    def submit_late_and_sweep(self, pick, worker, limit):
        """A run that a worker submitted before it died is found by a sweep."""
        self.admit_into(self.any_session(pick), None, BusyPolicy.ENQUEUE, late=True)
        self.sweep(worker, limit)

    @precondition(lambda self: self.taken_away())
    @rule(pick=some, status=ends, pauses=st.booleans())
    def awake_too_late(self, pick, status, pauses):
        """A worker that was stopped goes on with a run that is not its own any more."""
        run = self.taken_away()[pick % len(self.taken_away())]
        log = self.runs[run.id].frames
        batch = FrameBatch(run.id, frames(len(log) + 1, len(log) + 2), run.attempt, [Checkpoint(number=99)])
        assert set(self.storage.events.append([batch])) == {run.id}
        if pauses:
            self.pause_as(run, [False])
        self.finish_as(run, status)

    @rule(worker=workers, limit=st.integers(1, 3))
    def sweep(self, worker, limit):
        found = self.storage.runs.unattended(limit=limit)
        asked = [one for one in self.runs.values() if one.open and one.asked_to_stop]
        waits = [one for one in asked if one.status is RunStatus.QUEUED and (one.unclaimed or one.late)]
        stopped = [*waits, *(one for one in asked if one.paused)]
        first = [one for one in self.runs.values() if one.open and one.late and self.first_before(one) is None]
        first = [one for one in first if one not in waits]
        lost = [one for one in first if one.worker is not None]
        unclaimed = [one for one in first if one.unclaimed]
        for named, due in ((found.stopped, stopped), (found.lost, lost), (found.unclaimed, unclaimed)):
            assert set(named) <= {one.run.id for one in due}
            assert len(set(named)) == len(named) == min(limit, len(due))
        for run_id in (*found.lost, *found.unclaimed):
            assert self.claim_as(run_id, worker)
        for run_id in found.stopped:
            self.finish_as(self.storage.runs.get(run_id, owner=None), RunStatus.CANCELLED)
