"""The promises about runs that share a session: one order, one at a time, whole turns."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import pytest

from agentos.domain.run import Run, RunStatus
from agentos.errors import RunNotFound, SessionNotFound
from agentos.storage.admission import Admission, Lease
from agentos.storage.interface import Storage
from agentos.testing.storage.contract import (
    LEASE,
    THREADS,
    Contract,
    admit,
    admitted,
    at,
    at_once,
    claimed,
    ended,
    new_run,
    new_session,
    said,
    take_turn,
    taken_over,
)

PATIENCE = 30.0


class OrderContract(Contract):
    """The queue of a session."""

    def test_runs_of_one_session_queue_behind_the_unfinished_ones(self, storage: Storage) -> None:
        session = new_session(storage)
        take_turn(storage, session, "q", "a")
        first = admit(storage, new_run(session))
        second = admit(storage, new_run(session))
        assert (first.run.position, second.run.position) == (2, 3)
        assert (second.run.status, second.run.started_at) == (RunStatus.QUEUED, None)
        assert (len(first.history or ()), len(second.history or ())) == (2, 0)
        assert storage.runs.get(second.run.id, owner=None) == second.run

    def test_runs_of_different_sessions_do_not_wait_for_each_other(self, storage: Storage) -> None:
        runs = [admitted(storage, new_session(storage)) for _ in range(2)]
        assert [run.status for run in runs] == [RunStatus.RUNNING] * 2

    def test_a_queued_run_starts_when_the_older_ones_have_ended(self, storage: Storage) -> None:
        session = new_session(storage)
        first, second, third = (admitted(storage, session) for _ in range(3))
        assert storage.runs.claim(second.id, LEASE, now=at(1)) is None
        storage.runs.finish(ended(first), messages=said("a", "b"))
        assert storage.runs.claim(third.id, LEASE, now=at(1)) is None
        started = claimed(storage, second.id, seconds=2)
        assert (started.run.status, started.run.started_at) == (RunStatus.RUNNING, at(2))
        assert started.history is None
        assert tuple(storage.runs.window(session.id, turns=10)) == said("a", "b")
        assert storage.runs.get(second.id, owner=None) == started.run

    def test_a_queued_run_that_ends_lets_the_next_one_pass(self, storage: Storage) -> None:
        session = new_session(storage)
        first, second, third = (admitted(storage, session) for _ in range(3))
        storage.runs.finish(ended(second, status=RunStatus.CANCELLED))
        storage.runs.finish(ended(first))
        claimed(storage, third.id)

    def test_a_claim_of_a_run_that_is_gone_ended_or_another_workers_is_refused(self, storage: Storage) -> None:
        session = new_session(storage)
        over = admitted(storage, session)
        storage.runs.finish(ended(over))
        taken = admitted(storage, session, lease=Lease("worker-2", -1.0))
        taken_over(storage)
        for run in (new_run(session), over, taken):
            with pytest.raises(RunNotFound):
                storage.runs.claim(run.id, Lease("worker-2", 60.0), now=at(1))

    def test_simultaneous_admissions_get_places_of_their_own_and_one_runs(self, storage: Storage) -> None:
        session = new_session(storage)
        runs: list[Run] = []
        at_once(lambda _: runs.append(admitted(storage, session)))
        assert sorted(run.position or 0 for run in runs) == list(range(1, THREADS + 1))
        assert [run.position for run in runs if run.status is RunStatus.RUNNING] == [1]

    def test_simultaneous_claims_start_only_the_oldest(self, storage: Storage) -> None:
        session = new_session(storage)
        runs = [admitted(storage, session) for _ in range(THREADS)]
        storage.runs.finish(ended(runs[0]))
        started: list[int] = []

        def claim(number: int) -> None:
            if storage.runs.claim(runs[number].id, LEASE, now=at(1)) is not None:
                started.append(number)

        at_once(lambda number: claim(number + 1), THREADS - 1)
        assert started == [1]

    def test_simultaneous_runs_leave_whole_turns_in_the_order_of_admission(self, storage: Storage) -> None:
        session = new_session(storage)
        order: dict[int, str] = {}
        overlapping: list[int] = []
        busy = threading.Lock()

        def run(number: int) -> None:
            admission = admit(storage, new_run(session), history_turns=100)
            order[admission.run.position or 0] = admission.run.id
            deadline = time.monotonic() + PATIENCE
            while admission.run.status is RunStatus.QUEUED:
                assert time.monotonic() < deadline
                admission = storage.runs.claim(admission.run.id, LEASE, now=at(1)) or admission
                time.sleep(0.002)
            if not busy.acquire(blocking=False):
                overlapping.append(number)
            _take_turn(storage, admission, busy)

        at_once(run)
        history = storage.sessions.history(session.id, owner=None, limit=1000)
        assert not overlapping
        assert [one.sequence for one in history.messages] == list(range(1, 3 * THREADS + 1))
        assert [one.run_id for one in history.messages] == [
            order[position] for position in sorted(order) for _ in range(3)
        ]

    def test_a_session_that_is_deleted_while_runs_are_admitted_leaves_nothing(self, storage: Storage) -> None:
        session = new_session(storage)
        runs: list[Run] = []

        def admit(number: int) -> None:
            if number == THREADS // 2:
                storage.sessions.delete(session.id, owner=None)
                return
            with suppress(SessionNotFound):
                runs.append(admitted(storage, session))

        at_once(admit)
        assert [storage.runs.get(run.id, owner=None) for run in runs] == [None] * len(runs)


def _take_turn(storage: Storage, admission: Admission, busy: threading.Lock) -> None:
    """Check that the history holds exactly the older turns, and end the run."""
    history = storage.runs.window(str(admission.run.session_id), turns=100)
    assert len(history) == 3 * ((admission.run.position or 1) - 1)
    if busy.locked():
        busy.release()  # before the end, which lets the next one start
    assert storage.runs.finish(ended(admission.run), messages=said("question", "thought", "answer"))
