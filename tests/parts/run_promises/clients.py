"""What clients do: sessions, runs, requests to stop, answers."""

from dataclasses import replace

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from agentos.domain.ids import new_id
from agentos.domain.pending import Answer
from agentos.domain.run import BusyPolicy, RunStatus
from agentos.domain.session import Session
from agentos.errors import (
    AlreadyAnswered,
    NotFound,
    PendingExpired,
    RateLimited,
    RunFinished,
    RunNotFound,
    SessionBusy,
    SessionNotFound,
)
from agentos.storage.admission import Admission, Lease
from agentos.storage.idempotency import IdempotencyKey, Replay
from agentos.storage.records import RecordKey
from agentos.storage.sessions import SessionChanges, SessionFilter
from agentos.testing.storage.contract import at, new_run
from parts.run_promises.expected import (
    ANY_NUMBER,
    OPERATOR,
    TURNS,
    Expected,
    Model,
    askers,
    names,
    owners,
    policies,
    quotas,
    sees,
    some,
    workers,
)

EXPIRY = "expiry"
LATE = Answer(decision="reject", message="late", answered_by="expiry")
LONG_AGO = at(-(10**7))


class Clients(Model):
    """Clients of one storage."""

    @rule(name=st.none() | names, owner=owners)
    def create_session(self, name, owner):
        session = Session(id=new_id(), agent_id="a", owner=owner, created_at=at(0), updated_at=at(0))
        key = None if name is None else IdempotencyKey(owner="o", route="sessions", key=name, fingerprint=session.id)
        replay = self.storage.sessions.create(session, idempotency=key)
        if key is not None and ("sessions", name) in self.keys:
            assert replay == self.keys["sessions", name]
            assert self.storage.sessions.get(session.id, owner=None) is None
            return
        assert replay is None
        assert self.storage.sessions.get(session.id, owner=None) == session
        self.sessions[session.id] = []
        self.places[session.id] = 0
        self.owners[session.id] = owner
        if key is not None:
            self.keys["sessions", name] = Replay(session.id, session.id)

    @rule(pick=some, worker=st.none() | workers, concurrency=policies, asker=askers, quota=quotas, late=st.booleans())
    def admit(self, pick, worker, concurrency, asker, quota, late):
        self.admit_into(self.any_session(pick), worker, concurrency, asker=asker, quota=quota, late=late)

    @precondition(lambda self: any(one.open for one in self.runs.values()))
    @rule(pick=some, worker=st.none() | workers, concurrency=policies)
    def admit_behind_another(self, pick, worker, concurrency):
        under_way = [one.run for one in self.runs.values() if one.open]
        self.admit_into(under_way[pick % len(under_way)].session_id, worker, concurrency)

    @rule(pick=some, worker=st.none() | workers, concurrency=policies, name=names, asker=askers, quota=quotas)
    def admit_with_key(self, pick, worker, concurrency, name, asker, quota):
        self.admit_into(self.any_session(pick), worker, concurrency, name=name, asker=asker, quota=quota)

    def admit_into(self, session_id, worker, concurrency, *, name=None, asker=None, quota=ANY_NUMBER, late=False):
        run = new_run(session_id=session_id, owner=asker or OPERATOR)
        owner = self.owners.get(session_id, run.owner)
        key = None if name is None else IdempotencyKey(owner="o", route="runs", key=name, fingerprint=run.id)
        busy = [one for one in self.of_session(session_id) if one.open]

        def call():
            return self.storage.runs.admit(
                run,
                claim=None if worker is None else Lease(worker, 60.0),
                owner=asker,
                history_turns=TURNS,
                concurrency=concurrency,
                idempotency=key,
                quota=quota,
                claim_within=-1.0 if late else 60.0,
            )

        if key is not None and ("runs", name) in self.keys:
            assert call() == self.keys["runs", name]
        elif session_id is not None and not self.visible(session_id, asker):
            with pytest.raises(SessionNotFound):
                call()
        elif self.used_up(quota, owner, claimed=worker is not None):
            with pytest.raises(RateLimited):
                call()
        elif concurrency in (BusyPolicy.ENQUEUE, BusyPolicy.REJECT) and any(one.in_the_way for one in busy):
            with pytest.raises(SessionBusy) as refused:
                call()
            (paused,) = [one for one in busy if one.in_the_way]
            pending = [one.id for one in paused.pending]
            assert refused.value.details == {"run_id": paused.run.id, "pending": pending}
        elif busy and concurrency is BusyPolicy.REJECT:
            with pytest.raises(SessionBusy):
                call()
        else:
            self.admitted(call(), worker, busy, concurrency, late)
            assert self.runs[run.id].run.owner == owner
            if key is not None:
                self.keys["runs", name] = Replay(run.id, run.id)
            return
        assert self.storage.runs.get(run.id, owner=None) is None

    def admitted(self, admission, worker, busy, concurrency, late):
        assert isinstance(admission, Admission)
        run = admission.run
        running = worker is not None and not busy
        assert run.status is (RunStatus.RUNNING if running else RunStatus.QUEUED)
        assert (run.attempt, run.crashes, run.worker_id) == (0 if worker is None else 1, 0, worker)
        assert tuple(admission.history or ()) == (self.window(run.session_id) if running else ())
        stopped = busy if concurrency in (BusyPolicy.INTERRUPT, BusyPolicy.ROLLBACK) else []
        asked = [(one.run.id, one.run.attempt, one.status, one.worker) for one in stopped]
        assert [(one.id, one.attempt, one.status, one.worker_id) for one in admission.interrupted] == asked
        for one in stopped:
            one.asked_to_stop = True
            one.to_be_forgotten |= concurrency is BusyPolicy.ROLLBACK
        if run.session_id is not None:
            self.places[run.session_id] += 1
            assert run.position == self.places[run.session_id]
            self.sessions[run.session_id].append(run.id)
        self.runs[run.id] = Expected(run, worker, late=late and worker is None)
        self.handed_out.append(run)
        self.touched.add(run.id)

    @precondition(lambda self: self.handed_out)
    @rule(pick=some, forget=st.booleans(), asker=askers)
    def request_cancel(self, pick, forget, asker):
        self.request(self.any_run(pick), forget, asker)

    def request(self, run, forget, asker):
        found = self.storage.runs.request_cancel(run.id, owner=asker, forget=forget)
        expected = self.runs.get(run.id)
        if expected is None or not sees(asker, run.owner):
            assert found is None
            return
        assert replace(found, pending=()) == replace(expected.run, pending=())
        assert found.worker_id == (expected.worker if expected.open else None)
        if expected.open:
            expected.asked_to_stop = True
            expected.to_be_forgotten |= forget

    # --- answers -----------------------------------------------------------------------------------------------

    @precondition(lambda self: self.waiting())
    @rule(pick=some, count=st.integers(1, 2), decision=st.sampled_from(["approve", "reject"]), late=st.booleans())
    def answer(self, pick, count, decision, late):
        """Answer what waits, as far as it may be."""
        expected = self.waiting()[pick % len(self.waiting())]
        actions = [one for one in expected.pending if one.expires_at is None][:count]
        self.answer_to(expected, {one.id: Answer(decision=decision) for one in actions}, None, late)

    @precondition(lambda self: any(one.actions for one in self.runs.values()))
    @rule(pick=some, picks=st.lists(some, min_size=1, max_size=3), asker=askers, decision=st.sampled_from("ab"))
    def answer_anything(self, pick, picks, asker, decision):
        """Answer what may be answered already, expired, another run's, or gone."""
        asked = [one for one in self.runs.values() if one.actions]
        expected = asked[pick % len(asked)]
        others = [action for one in asked for action in one.actions]
        given = {}
        for number in picks:
            among = others if number % 3 == 0 else expected.actions
            given[among[number % len(among)].id] = Answer(decision="approve", message=decision)
        self.answer_to(expected, given, asker, late=False)

    def answer_to(self, expected, answers, asker, late):
        run = expected.run

        def call():
            return self.storage.runs.answer(
                run.id, answers, owner=asker, forget=[self.record_key(run)], claim_within=-1.0 if late else 60.0
            )

        error = RunNotFound if not sees(asker, run.owner) else self.refusal(expected, answers)
        self.touched.add(run.id)
        if error is not None:
            with pytest.raises(error) as refused:
                call()
            assert type(refused.value) is error
            return
        resumed = self.take(expected, call(), answers)
        if resumed:
            expected.late, expected.has_record = late, False

    def take(self, expected, answered, answers):
        """Expect what answers change that were taken; return whether they resume the run."""
        new = [one for one in expected.actions if one.id in answers and one.answer is None]
        expected.actions = [replace(one, answer=answers[one.id]) if one in new else one for one in expected.actions]
        if expected.paused:
            expected.now(pending=expected.pending)
        resumed = bool(new) and not expected.pending
        if resumed:
            expected.now(status=RunStatus.QUEUED)
        assert answered.resumed is resumed
        assert replace(answered.run, steps=()) == expected.run
        return resumed

    def refusal(self, expected, answers):
        """Return the error that the first answer that is not taken makes, in the order in which they are given."""
        known = {one.id: one for one in expected.actions}
        for action_id, given in answers.items():
            action = known.get(action_id)
            if action is None and expected.open:
                return NotFound
            if action is not None and action.answer is not None:
                if action.answer == LATE:
                    return PendingExpired
                if action.answer != given:
                    return AlreadyAnswered
            elif action is None or not expected.paused or expected.asked_to_stop:
                return RunFinished
            elif action.expires_at is not None:
                return PendingExpired
        return None

    @precondition(lambda self: self.waiting())
    @rule(pick=some, others=st.lists(some, max_size=2))
    def answer_for_an_expiry(self, pick, others):
        """Reject what was not decided in time, of any run, whatever it is: only what waits and has expired counts."""
        asked = [one for one in self.runs.values() if one.actions]
        expected = asked[pick % len(asked)]
        known = [action for one in asked for action in one.actions]
        given = [*expected.actions, *(known[number % len(known)] for number in others)]
        self.expire_actions(expected, [one.id for one in given])

    def expire_actions(self, expected, ids):
        run = expected.run
        answered = self.storage.runs.answer(run.id, dict.fromkeys(ids, LATE), owner=None, late=True)
        self.touched.add(run.id)
        over = []
        if expected.paused and not expected.asked_to_stop:
            over = [one.id for one in expected.pending if one.expires_at is not None and one.id in ids]
        self.take(expected, answered, dict.fromkeys(over, LATE))

    def record_key(self, run):
        return RecordKey(EXPIRY, run.owner, run.id)

    # --- sessions ----------------------------------------------------------------------------------------------

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

    @precondition(lambda self: self.waiting())
    @rule(pick=some, asker=askers)
    def delete_paused_run(self, pick, asker):
        expected = self.waiting()[pick % len(self.waiting())]
        run = expected.run
        found = self.storage.runs.delete(run.id, owner=asker)
        if not sees(asker, run.owner):
            assert found is None
            return
        assert found is not None
        self.touched.add(run.id)
        del self.runs[run.id]
        if run.session_id is not None:
            self.sessions[run.session_id].remove(run.id)
