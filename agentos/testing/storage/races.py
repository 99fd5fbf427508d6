"""The promises about what several workers and clients do to a run without a worker at the same time."""

from __future__ import annotations

from agentos.domain.run import BusyPolicy, Run, RunStatus
from agentos.domain.session import Session
from agentos.errors import AgentOSError, RunCancelled, RunNotFound
from agentos.storage.admission import Admission
from agentos.storage.interface import Storage
from agentos.testing.storage.contract import (
    LEASE,
    Contract,
    admit,
    admitted,
    at_once,
    claimed,
    ended,
    new_run,
    new_session,
)
from agentos.testing.storage.pausing import APPROVED, answer, pause, paused, read, resumes

ROUNDS = 8


class RaceContract(Contract):
    """Races: one of two comes first, and the other one finds it."""

    def test_a_run_that_no_worker_has_is_claimed_or_ended(self, storage: Storage) -> None:
        for number in range(ROUNDS):
            run = answer(storage, paused(storage)) if number % 2 else admitted(storage, lease=None)
            outcomes: dict[str, bool] = {}

            def meet(who: int, run: Run = run, outcomes: dict[str, bool] = outcomes) -> None:
                if who:
                    outcomes["ended"] = storage.runs.finish(ended(run, status=RunStatus.CANCELLED)) is not None
                    return
                try:
                    outcomes["claimed"] = claimed(storage, run.id).run.status is RunStatus.RUNNING
                except RunNotFound:
                    outcomes["claimed"] = False

            at_once(meet, 2)
            assert outcomes["ended"] is not outcomes["claimed"]
            assert read(storage, run.id).status is (RunStatus.CANCELLED if outcomes["ended"] else RunStatus.RUNNING)

    def test_a_request_to_stop_comes_before_the_pause_or_finds_the_paused_run(self, storage: Storage) -> None:
        for _ in range(ROUNDS):
            run = admitted(storage)
            asked: list[Run | None] = []
            stopped: list[AgentOSError] = []

            def meet(
                who: int, run: Run = run, asked: list[Run | None] = asked, stopped: list[AgentOSError] = stopped
            ) -> None:
                if who:
                    asked.append(storage.runs.request_cancel(run.id, owner=None))
                    return
                try:
                    assert pause(storage, run)
                except RunCancelled as error:
                    stopped.append(error)

            at_once(meet, 2)
            (found,) = asked
            assert found is not None
            if stopped:
                assert (found.status, found.worker_id) == (RunStatus.RUNNING, LEASE.worker_id)
            else:  # the client that asked saw no worker, and ends the run itself
                assert (found.status, found.worker_id) == (RunStatus.PAUSED, None)
                assert storage.runs.finish(ended(found, status=RunStatus.CANCELLED))

    def test_a_run_that_interrupts_stops_the_pause_or_ends_the_paused_run(self, storage: Storage) -> None:
        for _ in range(ROUNDS):
            session = new_session(storage)
            run = admitted(storage, session)
            interrupting: list[Admission] = []
            stopped: list[AgentOSError] = []

            def meet(
                who: int,
                session: Session = session,
                run: Run = run,
                interrupting: list[Admission] = interrupting,
                stopped: list[AgentOSError] = stopped,
            ) -> None:
                if who:
                    interrupting.append(admit(storage, new_run(session), concurrency=BusyPolicy.INTERRUPT))
                    return
                try:
                    assert pause(storage, run)
                except RunCancelled as error:
                    stopped.append(error)

            at_once(meet, 2)
            (admission,) = interrupting
            (found,) = admission.interrupted
            assert found.worker_id == (LEASE.worker_id if stopped else None)
            assert storage.runs.finish(ended(found, status=RunStatus.CANCELLED))
            claimed(storage, admission.run.id)

    def test_an_answer_comes_before_the_request_to_stop_or_is_refused(self, storage: Storage) -> None:
        for _ in range(ROUNDS):
            run = paused(storage)
            outcomes: dict[str, object] = {}

            def meet(who: int, run: Run = run, outcomes: dict[str, object] = outcomes) -> None:
                if who:
                    outcomes["asked"] = storage.runs.request_cancel(run.id, owner=None)
                    return
                try:
                    outcomes["resumed"] = resumes(storage, run.id, {run.pending[0].id: APPROVED})
                except AgentOSError as error:
                    outcomes["resumed"] = error.code

            at_once(meet, 2)
            now = read(storage, run.id)
            assert (outcomes["resumed"], now.status) in (
                (True, RunStatus.QUEUED),
                ("RUN_FINISHED", RunStatus.PAUSED),
            )
            assert run.id in storage.runs.unattended(limit=99).stopped
            assert storage.runs.finish(ended(now, status=RunStatus.CANCELLED, pending=()))
