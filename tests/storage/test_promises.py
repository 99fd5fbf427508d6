"""What the storage promises about runs, checked on random sequences of what workers, clients and crashes do to them.

A model in plain Python says what each call has to answer and what has to be there afterwards.
"""

import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from agentos.domain.event import Frame
from agentos.domain.ids import new_id
from agentos.domain.run import BusyPolicy, Run, RunStatus
from agentos.domain.session import Session
from agentos.domain.session_state import StateChange
from agentos.errors import RateLimited, RunNotFound, SessionBusy, SessionNotFound
from agentos.storage.admission import Admission, Lease, Quota
from agentos.storage.events import FrameBatch
from agentos.storage.idempotency import IdempotencyKey, Replay
from agentos.storage.memory import MemoryStorage
from agentos.storage.paging import Paging
from agentos.storage.runs import RunFilter
from agentos.storage.sessions import SessionChanges, SessionFilter
from agentos.testing.storage.contract import at, ended, frames, new_run, said

pytestmark = pytest.mark.timeout(3600 if os.environ.get("AGENTOS_SOAK") == "1" else 300)

WORKERS = ("worker-1", "worker-2")
SWEEPER = Lease("sweeper", 60.0)
LATER = datetime.now(UTC) + timedelta(days=365)
TURNS = 2
OWNERS = ("alice", "bob")
OPERATOR = "operator"
ANY_NUMBER = Quota()

some = st.integers(min_value=0, max_value=999)
names = st.sampled_from(["k1", "k2"])
workers = st.sampled_from(WORKERS)
policies = st.sampled_from(BusyPolicy)
owners = st.sampled_from(OWNERS)
askers = st.sampled_from([None, None, *OWNERS])
limits = st.sampled_from([None, None, None, None, 1, 3])
quotas = st.builds(Quota, limits, limits)


def sees(asker, owner):
    """Return whether a caller sees what is an owner's; ``None`` sees everything."""
    return asker in (None, owner)


@dataclass
class Expected:
    """What has to be there of a run."""

    run: Run
    worker: str
    lost: bool = False
    asked_to_stop: bool = False
    to_be_forgotten: bool = False
    spoke: tuple[str, ...] = ()
    changed_state: bool = False
    frames: list[Frame] = field(default_factory=list)

    @property
    def open(self):
        return not self.run.status.finished


class Promises(RuleBasedStateMachine):
    """Two workers, their clients, a sweeper and a housekeeper on one storage."""

    def __init__(self, storage):
        super().__init__()
        self.storage = storage
        self.sessions = {}  # id -> ids of its runs in the order of admission
        self.owners = {}  # id of a session, also of a deleted one -> whose it is
        self.gone = []  # ids of deleted sessions
        self.runs = {}  # id -> Expected
        self.handed_out = []  # every run as some worker was given it, also those that were taken from it since
        self.keys = {}
        self.touched = set()
        self.renamed = {}  # id of a session -> how often

    # --- choosing ----------------------------------------------------------------------------------------------

    def any_session(self, pick):
        known = [*self.sessions, *self.gone]
        return None if not known or pick % 7 == 0 else known[pick % len(known)]

    def any_run(self, pick):
        """Prefer what is under way, and of that what has started, which is what can go wrong."""
        views = [run for run in self.handed_out if self.mine(run)] if pick % 4 else self.handed_out
        started = [run for run in views if run.status is RunStatus.RUNNING] if pick % 3 else []
        views = started or views or self.handed_out
        return views[pick % len(views)]

    def taken_away(self):
        """Return the views of runs under way that their worker has lost to another, or to itself after a pause."""
        open_runs = [run for run in self.handed_out if run.id in self.runs and self.runs[run.id].open]
        return [run for run in open_runs if not self.mine(run)]

    def older(self, run):
        ids = self.sessions.get(run.session_id, [])
        return [self.runs[run_id] for run_id in ids[: (run.position or 1) - 1]]

    def mine(self, run):
        """Return what is expected of a run if whoever was given this view of it still has it."""
        expected = self.runs.get(run.id)
        return expected if expected is not None and expected.open and expected.run.attempt == run.attempt else None

    def window(self, session_id):
        turns = [said(*one.spoke) for one in self.of_session(session_id) if one.spoke]
        return tuple(message for turn in turns[-TURNS:] for message in turn)

    def visible(self, session_id, asker):
        return session_id in self.sessions and sees(asker, self.owners[session_id])

    def used_up(self, quota, owner):
        under_way = [one.run.owner for one in self.runs.values() if one.open]
        counts = ((quota.of_owner, under_way.count(owner)), (quota.of_all, len(under_way)))
        return any(limit is not None and count >= limit for limit, count in counts)

    def of_session(self, session_id):
        return [self.runs[run_id] for run_id in self.sessions.get(session_id, [])]

    # --- what clients and workers do ---------------------------------------------------------------------------

    @initialize()
    def start(self):
        for owner in OWNERS:
            self.create_session(None, owner)
        for worker in WORKERS:
            self.admit_into(next(iter(self.sessions)), worker, BusyPolicy.ENQUEUE)

    @rule(name=st.none() | names, owner=owners)
    def create_session(self, name, owner):
        session = Session(id=new_id(), agent_id="a", owner=owner, created_at=at(0), updated_at=at(0))
        key = None if name is None else IdempotencyKey(owner="o", route="sessions", key=name, fingerprint=session.id)
        answer = self.storage.sessions.create(session, idempotency=key)
        if key is not None and ("sessions", name) in self.keys:
            assert answer == self.keys["sessions", name]
            assert self.storage.sessions.get(session.id, owner=None) is None
            return
        assert answer is None
        assert self.storage.sessions.get(session.id, owner=None) == session
        self.sessions[session.id] = []
        self.owners[session.id] = owner
        if key is not None:
            self.keys["sessions", name] = Replay(session.id, session.id)

    @rule(pick=some, worker=workers, concurrency=policies, queued=st.booleans(), asker=askers, quota=quotas)
    def admit(self, pick, worker, concurrency, queued, asker, quota):
        self.admit_into(self.any_session(pick), worker, concurrency, queued=queued, asker=asker, quota=quota)

    @precondition(lambda self: any(one.open for one in self.runs.values()))
    @rule(pick=some, worker=workers, concurrency=policies)
    def admit_behind_another(self, pick, worker, concurrency):
        under_way = [one.run for one in self.runs.values() if one.open]
        self.admit_into(under_way[pick % len(under_way)].session_id, worker, concurrency)

    @rule(pick=some, worker=workers, concurrency=policies, name=names, asker=askers, quota=quotas)
    def admit_with_key(self, pick, worker, concurrency, name, asker, quota):
        self.admit_into(self.any_session(pick), worker, concurrency, name=name, asker=asker, quota=quota)

    def admit_into(self, session_id, worker, concurrency, *, queued=False, name=None, asker=None, quota=ANY_NUMBER):
        run = new_run(session_id=session_id, owner=asker or OPERATOR)
        owner = self.owners.get(session_id, run.owner)
        key = None if name is None else IdempotencyKey(owner="o", route="runs", key=name, fingerprint=run.id)
        busy = [one for one in self.of_session(session_id) if one.open]

        def call():
            return self.storage.runs.admit(
                run,
                Lease(worker, 60.0),
                owner=asker,
                history_turns=TURNS,
                concurrency=concurrency,
                queued=queued,
                idempotency=key,
                quota=quota,
            )

        if key is not None and ("runs", name) in self.keys:
            assert call() == self.keys["runs", name]
        elif session_id is not None and not self.visible(session_id, asker):
            with pytest.raises(SessionNotFound):
                call()
        elif self.used_up(quota, owner):
            with pytest.raises(RateLimited):
                call()
        elif busy and concurrency is BusyPolicy.REJECT:
            with pytest.raises(SessionBusy):
                call()
        else:
            self.admitted(call(), worker, busy, concurrency, queued)
            assert self.runs[run.id].run.owner == owner
            if key is not None:
                self.keys["runs", name] = Replay(run.id, run.id)
            return
        assert self.storage.runs.get(run.id, owner=None) is None

    def admitted(self, admission, worker, busy, concurrency, queued):
        assert isinstance(admission, Admission)
        run = admission.run
        assert run.status is (RunStatus.QUEUED if busy or queued else RunStatus.RUNNING)
        assert tuple(admission.history) == (() if busy or queued else self.window(run.session_id))
        stopped = busy if concurrency in (BusyPolicy.INTERRUPT, BusyPolicy.ROLLBACK) else []
        assert list(admission.interrupted) == [one.run.id for one in stopped]
        for one in stopped:
            one.asked_to_stop = True
            one.to_be_forgotten |= concurrency is BusyPolicy.ROLLBACK
        if run.session_id is not None:
            assert run.position == len(self.sessions[run.session_id]) + 1
            self.sessions[run.session_id].append(run.id)
        self.runs[run.id] = Expected(run, worker)
        self.handed_out.append(run)
        self.touched.add(run.id)

    @precondition(lambda self: self.handed_out)
    @rule(pick=some)
    def claim(self, pick):
        run = self.any_run(pick)
        expected = self.mine(run)
        if expected is None:
            with pytest.raises(RunNotFound):
                self.storage.runs.start(run, history_turns=TURNS, now=at(1))
            return
        claimed = self.storage.runs.start(run, history_turns=TURNS, now=at(1))
        if expected.asked_to_stop or any(one.open for one in self.older(run)):
            assert claimed is None
            return
        assert claimed is not None
        assert tuple(claimed.history) == self.window(run.session_id)
        self.change(expected, claimed.run)

    @precondition(lambda self: self.handed_out)
    @rule(pick=some, count=st.integers(1, 3), again=st.booleans())
    def append(self, pick, count, again):
        run = self.any_run(pick)
        log = self.runs[run.id].frames if run.id in self.runs else []
        batch = FrameBatch(run.id, frames(len(log) + 1, len(log) + count), attempt=run.attempt)
        for _ in range(1 + again):  # the answer to the first was lost
            self.storage.events.append([batch])
        expected = self.mine(run)
        if expected is not None:
            expected.frames.extend(batch.frames)
        self.touched.add(run.id)

    @precondition(lambda self: self.handed_out)
    @rule(pick=some, status=st.sampled_from([status for status in RunStatus if status.finished]))
    def finish(self, pick, status):
        run = self.any_run(pick)
        known = self.runs.get(run.id)
        if known is not None and known.run.status is RunStatus.QUEUED and status is RunStatus.COMPLETED:
            status = RunStatus.FAILED  # what never started cannot complete
        self.finish_as(run, status)

    def finish_as(self, run, status):
        known = self.runs.get(run.id)
        started = known is not None and known.run.status is RunStatus.RUNNING
        spoken = (f"q {run.id}", f"a {run.id}") if started and status is not RunStatus.FAILED else ()
        number = len(known.frames) + 1 if known is not None else 1
        last = frames(number, number, kind="complete" if status is RunStatus.COMPLETED else "error")
        end = ended(run, status=status, content=f"by attempt {run.attempt}")
        expected = self.mine(run)
        change = None
        if started and status is RunStatus.COMPLETED:
            patch = [{"op": "add", "path": f"/{run.id}", "value": run.attempt}]
            change = StateChange(version=0, state={}, patches=[patch], most=10**6)
        finished = self.storage.runs.finish(end, messages=said(*spoken), frames=last, state=change)
        assert finished is (expected is not None)
        self.touched.add(run.id)
        if expected is None:
            return
        expected.run = replace(expected.run, status=end.status, content=end.content, ended_at=end.ended_at)
        expected.spoke = () if expected.to_be_forgotten else spoken
        expected.changed_state = change is not None and not expected.to_be_forgotten
        expected.frames.extend(last)

    @precondition(lambda self: self.handed_out)
    @rule(pick=some, forget=st.booleans(), asker=askers)
    def request_cancel(self, pick, forget, asker):
        self.request(self.any_run(pick), forget, asker)

    def request(self, run, forget, asker):
        answer = self.storage.runs.request_cancel(run.id, owner=asker, forget=forget)
        expected = self.runs.get(run.id)
        if not sees(asker, run.owner):
            assert answer is None
            return
        assert answer == (None if expected is None else expected.run)
        if expected is not None and expected.open:
            expected.asked_to_stop = True
            expected.to_be_forgotten |= forget

    @precondition(lambda self: any(one.open for one in self.runs.values()))
    @rule(pick=some, forget=st.booleans())
    def stop(self, pick, forget):
        """Stop a run, as far as its worker sees the request."""
        run = self.any_run(pick | 1)
        self.request(run, forget, run.owner)
        self.finish_as(run, RunStatus.CANCELLED)

    # --- what goes wrong, and who sees to it -------------------------------------------------------------------

    @rule(worker=workers)
    def crash(self, worker):
        """A worker dies, or is stopped: its leases run out, by the database's clock."""
        own = [one for one in self.runs.values() if one.worker == worker and one.open]
        assert sorted(self.storage.runs.renew_leases(Lease(worker, -1.0))) == sorted(one.run.id for one in own)
        for one in own:
            one.lost = True

    @rule(worker=workers, limit=st.integers(1, 3))
    def crash_and_sweep(self, worker, limit):
        self.crash(worker)
        self.sweep(next(other for other in WORKERS if other != worker), limit)

    @precondition(lambda self: self.taken_away())
    @rule(pick=some, status=st.sampled_from([status for status in RunStatus if status.finished]))
    def awake_too_late(self, pick, status):
        """A worker that was stopped goes on with a run that is not its own any more."""
        run = self.taken_away()[pick % len(self.taken_away())]
        log = self.runs[run.id].frames
        self.storage.events.append([FrameBatch(run.id, frames(len(log) + 1, len(log) + 2), attempt=run.attempt)])
        with pytest.raises(RunNotFound):
            self.storage.runs.start(run, history_turns=TURNS, now=at(2))
        self.finish_as(run, status)

    @rule(worker=workers)
    def heartbeat(self, worker):
        own = [one for one in self.runs.values() if one.worker == worker and one.open]
        assert sorted(self.storage.runs.renew_leases(Lease(worker, 60.0))) == sorted(one.run.id for one in own)
        for one in own:
            one.lost = False

    @rule(worker=workers, limit=st.integers(1, 3))
    def sweep(self, worker, limit):
        lost = [one for one in self.runs.values() if one.lost and one.open]
        taken = self.storage.runs.take_lost(Lease(worker, 60.0), limit=limit)
        assert len(taken) == min(limit, len(lost))
        for run in taken:
            expected = self.runs[run.id]
            assert expected.lost
            assert run.attempt == expected.run.attempt + 1
            expected.worker, expected.lost = worker, False
            self.change(expected, run)

    def change(self, expected, run):
        expected.run = run
        self.handed_out.append(run)
        self.touched.add(run.id)

    @precondition(lambda self: self.sessions)
    @rule(pick=some, asker=askers)
    def update_session(self, pick, asker):
        session_id = list(self.sessions)[pick % len(self.sessions)]
        if self.visible(session_id, asker):
            changed = self.storage.sessions.update(session_id, SessionChanges(name="n"), owner=asker, now=at(0))
            assert changed.owner == self.owners[session_id]
            self.renamed[session_id] = self.renamed.get(session_id, 0) + 1
        else:
            with pytest.raises(SessionNotFound):
                self.storage.sessions.update(session_id, SessionChanges(name="n"), owner=asker, now=at(0))

    @precondition(lambda self: self.sessions)
    @rule(pick=some, asker=askers)
    def delete_session(self, pick, asker):
        session_id = list(self.sessions)[pick % len(self.sessions)]
        visible = self.visible(session_id, asker)
        assert self.storage.sessions.delete(session_id, owner=asker) is visible
        if visible:
            self.deleted(session_id)

    @precondition(lambda self: len(self.sessions) > 3)
    @rule(owner=owners)
    def delete_sessions(self, owner):
        own = [session_id for session_id in self.sessions if self.owners[session_id] == owner]
        assert self.storage.sessions.delete_oldest(SessionFilter(owner=owner), limit=1000) == len(own)
        for session_id in own:
            self.deleted(session_id)

    def deleted(self, session_id):
        self.touched.update(self.sessions[session_id])
        for run_id in self.sessions.pop(session_id):
            del self.runs[run_id]
        self.gone.append(session_id)

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

    # --- the promises --------------------------------------------------------------------------------------------

    @invariant()
    def what_was_touched_is_as_promised(self):
        touched, self.touched = self.touched, set()
        self.check(touched)

    def check(self, run_ids):
        for run_id in run_ids:
            expected = self.runs.get(run_id)
            log = self.storage.events.read(run_id)
            if expected is None:
                assert self.storage.runs.get(run_id, owner=None) is None
                assert list(log) == []
                continue
            # What was acknowledged is there, and nothing that a stale attempt wrote.
            for asker in (*OWNERS, None):
                found = self.storage.runs.get(run_id, owner=asker)
                assert found == (expected.run if sees(asker, expected.run.owner) else None)
            assert list(log) == expected.frames
            assert [frame.number for frame in log] == list(range(1, len(log) + 1))
            last = [index for index, frame in enumerate(log, 1) if frame.type in ("complete", "error")]
            assert last == ([] if expected.open or not log else [len(log)])
        for session_id in {self.runs[run_id].run.session_id for run_id in run_ids if run_id in self.runs} - {None}:
            self.check_session(session_id)
        if run_ids:
            self.check_owners()

    def check_owners(self):
        """Whoever lists, lists what is their own; runs without a session are left from the examples before."""
        for owner in OWNERS:
            sessions = self.storage.sessions.list(SessionFilter(owner=owner), Paging(limit=1000)).items
            assert {session.id for session in sessions} == {one for one in self.sessions if self.visible(one, owner)}
            runs = self.storage.runs.list(RunFilter(owner=owner), Paging(limit=1000)).items
            expected = {one.run.id for one in self.runs.values() if one.run.owner == owner}
            assert {run.id for run in runs} & set(self.runs) == expected

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
        stored = self.storage.runs.list(RunFilter(session_id=session_id), Paging(limit=1000)).items
        assert sorted(run.position for run in stored) == list(range(1, len(expected) + 1))
        assert sum(run.status is RunStatus.RUNNING for run in stored) <= 1
        session = self.storage.sessions.get(session_id, owner=owner)
        assert session.run_count == sum(not one.open for one in expected)
        assert session.state == {one.run.id: one.run.attempt for one in expected if one.changed_state}
        assert session.version == 1 + len(session.state) + self.renamed.get(session_id, 0)
        for worker in WORKERS:
            asked = [one for one in self.runs.values() if one.open and one.asked_to_stop and one.worker == worker]
            assert sorted(self.storage.runs.cancel_requests(worker)) == sorted(one.run.id for one in asked)

    def teardown(self):
        """All workers are gone; a sweeper ends what they left, after which everything has ended exactly once."""
        for worker in WORKERS:
            self.storage.runs.renew_leases(Lease(worker, -1.0))
        swept = []
        while taken := self.storage.runs.take_lost(SWEEPER, limit=5):
            for run in taken:
                swept.append(run.id)
                self.runs[run.id].run = run
                self.finish_as(run, RunStatus.FAILED)
        assert len(swept) == len(set(swept))
        assert all(not one.open for one in self.runs.values())
        self.check(self.runs)
        for session_id in self.sessions:
            admission = self.storage.runs.admit(
                new_run(session_id=session_id), SWEEPER, owner=None, history_turns=TURNS
            )
            assert admission.run.status is RunStatus.RUNNING
            assert tuple(admission.history) == self.window(session_id)


def clean(storage):
    """Make a storage as good as new for the next example, whatever a failed one left."""
    for owner in (*WORKERS, SWEEPER.worker_id):
        storage.runs.renew_leases(Lease(owner, -1.0))
    while taken := storage.runs.take_lost(SWEEPER, limit=100):
        for run in taken:
            storage.runs.finish(ended(run, status=RunStatus.FAILED), frames=frames(1000, 1000))
    while storage.events.delete_old(ended_before=LATER, limit=100):
        pass
    storage.idempotency.delete_old(created_before=LATER, limit=1000)
    while storage.sessions.delete_oldest(SessionFilter(), limit=1000):
        pass


def explore(open_storage, examples):
    """Run random sequences and return how many: the same each time, but more and longer with ``AGENTOS_SOAK=1``."""
    soak = os.environ.get("AGENTOS_SOAK") == "1"
    begun = 0

    def machine():
        nonlocal begun
        begun += 1
        storage = open_storage()
        clean(storage)
        return Promises(storage)

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples * (10 if soak else 1),
            stateful_step_count=100 if soak else 50,
            derandomize=not soak,
            phases=[Phase.generate, Phase.shrink],
            report_multiple_bugs=False,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return begun


def test_in_memory():
    assert explore(MemoryStorage, 150) >= 150


@pytest.mark.parametrize(("sql_url", "examples"), [("sqlite", 60), ("postgresql", 15)], indirect=["sql_url"])
def test_in_a_database(storage, examples):
    assert explore(lambda: storage, examples) >= examples
