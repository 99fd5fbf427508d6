"""Executes runs, each in a thread of its own, away from the connection that asked for it."""

from __future__ import annotations

import dataclasses
import logging
import math
import threading
import time
from collections.abc import Callable
from functools import partial

from agentos.domain.pending import PauseRequested
from agentos.domain.run import BusyPolicy, Run, RunStatus
from agentos.domain.stored_request import RunMode
from agentos.errors import AgentOSError, RunCancelled, ShuttingDown, StorageError, WorkerLost
from agentos.events.log import EventLog
from agentos.execution.agent_call import AgentCall
from agentos.execution.background_waits import BackgroundWaits
from agentos.execution.claims import RunClaims
from agentos.execution.finalizer import RunFinalizer, persistently
from agentos.execution.live import LiveRun
from agentos.execution.live_runs import ABANDON_AFTER, LiveRuns, side_by_side
from agentos.execution.observers import NO_OBSERVERS, RunObservers
from agentos.execution.pause import RunPauser
from agentos.execution.preparation import Prepare, Prepared
from agentos.execution.session_queue import SessionQueue
from agentos.execution.signals import Signals, worker_topic
from agentos.execution.submission import Submission
from agentos.execution.unattended import UnattendedRuns, topics_of
from agentos.observability.call_log import ToolCallLog
from agentos.observability.tracing import tracing
from agentos.storage.admission import Admission, Ended, Lease, Quota
from agentos.storage.idempotency import IdempotencyKey, Replay
from agentos.storage.interface import Storage
from agentos.tally import Tally

OBSERVERS_WAIT = 1.0
"""Seconds that the end of the process waits for those who observe the end of a run."""

Execution = tuple[LiveRun, Prepared, Admission]

logger = logging.getLogger(__name__)


class Worker:
    """Has runs admitted or claims them, executes them, and ends or pauses each exactly once.

    Every execution begins with an :class:`~agentos.storage.admission.Admission`, and one function executes it: for a
    request in a thread of its own, for an executor, and for the sweep, in theirs.
    """

    def __init__(
        self,
        storage: Storage,
        log: EventLog,
        lease: Lease,
        signals: Signals,
        submission: Submission,
        *,
        prepare: Prepare,
        quota: Quota = Quota(),  # noqa: B008 - frozen
        max_paused: int | None = None,
        max_attempts: int = 1,
        background_wait: float = math.inf,
        observers: RunObservers = NO_OBSERVERS,
        tool_log: ToolCallLog | None = None,
    ) -> None:
        self.draining, self.taken_over = False, 0
        self.followers = Tally()
        self._runs = LiveRuns()
        self._storage, self._log = storage, log
        self._lease, self._signals = lease, signals
        self._submission = submission
        self._background_quota, self._quota = quota, dataclasses.replace(quota, unclaimed=None)
        self._observers = observers
        # Decided once: a run that no plugin observes has no look-out for observers on the way of its tokens.
        self._new_live = observers.new_live()
        self._tool_log = tool_log
        self._finalizer = RunFinalizer(storage, log)
        self._pauser = RunPauser(storage, log, self._finalizer, limit=max_paused)
        self._unattended = UnattendedRuns(storage, signals, observers, submit=self.submit)
        waits = BackgroundWaits(storage, signals.timers, self._unattended, seconds=background_wait)
        self._claims = RunClaims(storage, lease, prepare, self._unattended, waits, max_attempts=max_attempts)
        turns = SessionQueue(storage, signals, lease)
        self._call = AgentCall(storage, turns, signals.timers, partial(self._spawn, self.stop))

    # --- beginnings --------------------------------------------------------------------------------------------------

    def start(
        self,
        run: Run,
        prepared: Prepared,
        *,
        owner: str | None,
        concurrency: BusyPolicy = BusyPolicy.ENQUEUE,
        idempotency: IdempotencyKey | None = None,
        background: bool = False,
    ) -> LiveRun | Replay | None:
        """Accept a run durably and begin to execute it; with ``background``, have the executor do so (``None``).

        Its session must be of ``owner``; ``None``: of any owner. A repeat means that there is no new run. Raises
        :class:`~agentos.errors.ShuttingDown`, :class:`~agentos.errors.RateLimited`,
        :class:`~agentos.errors.SessionNotFound`, :class:`~agentos.errors.SessionBusy` or
        :class:`~agentos.errors.StorageError`; then there is none either.
        """
        begun, limits = time.monotonic(), prepared.limits
        with self._runs.claiming(run.id):
            if self.draining:  # looked at within: a drain that begins now waits for this run
                raise ShuttingDown("the server is about to stop and takes no new runs; try again")
            admission = self._storage.runs.admit(
                run,
                claim=None if background else self._lease,
                owner=owner,
                history_turns=limits.history_turns,
                concurrency=concurrency,
                idempotency=idempotency,
                quota=self._background_quota if background else self._quota,
            )
            if isinstance(admission, Replay):
                return admission
            if background:
                self._claims.request_ids.keep(run)
                self._stop_interrupted(admission)
                self.submit(run.id)
                return None
            if admission.run.request_id != run.request_id:  # a storage need not give it back
                admitted = dataclasses.replace(admission.run, request_id=run.request_id)
                admission = dataclasses.replace(admission, run=admitted)
            timeout = limits.queue_timeout if admission.run.status is RunStatus.QUEUED else limits.timeout
            live = self._enter(admission, prepared, deadline=begun + timeout)
        self._stop_interrupted(admission)
        self._spawn(self._execute, live, prepared, admission)
        return live

    def execute(self, run_id: str) -> None:
        """Claim a run that is there and execute it in the calling thread: what executors call.

        Returns when it has ended or paused, and at once when there is nothing to do: another worker has it, it has to
        wait for an older run of its session, or this worker drains. Never raises.
        """
        try:
            execution = self._claim(run_id)
        except StorageError:
            logger.warning("a run could not be claimed; a later sweep finds it", extra={"run_id": run_id})
        except Exception:
            logger.exception("claiming a run met a bug", extra={"run_id": run_id})
        else:
            if execution is not None:
                self._execute(*execution)

    def take_over(self, run_id: str) -> None:
        """Claim a run of a lost worker: end it, or execute it in a thread. May raise ``StorageError``."""
        execution = self._claim(run_id)
        if execution is not None:
            self._spawn(self._execute, *execution)

    def resume(self, run: Run) -> None:
        """Execute a run after its pause was answered: by the executor if it is in the background, else at once."""
        if run.request is not None and run.request.mode is RunMode.BACKGROUND:
            self.submit(run.id)
        elif not self.draining:
            threading.Thread(target=self.execute, args=(run.id,), name=f"run-{run.id}", daemon=True).start()

    def submit(self, run_id: str) -> None:
        """Have the executor execute a run. A worker that drains leaves it to the others."""
        if not self.draining:
            self._submission.submit(run_id, self.execute)

    def get(self, run_id: str) -> LiveRun | None:
        """Return a run that is under way in this worker."""
        return self._runs.get(run_id)

    def running(self) -> list[LiveRun]:
        """Return the runs under way in this worker."""
        return list(self._runs)

    def has(self, run_id: str) -> bool:
        """Return whether a run is under way here, or about to be."""
        return run_id in self._runs

    # --- ends --------------------------------------------------------------------------------------------------------

    def cancel(self, run_id: str, cause: AgentOSError) -> None:
        """Stop a run, if it is under way in this worker, without waiting for its end."""
        if (live := self._runs.get(run_id)) is not None and live.cancellation.cause is None:
            self._spawn(self.stop, live, cause)

    def stop(self, live: LiveRun, cause: AgentOSError) -> None:
        """End a run for a reason from outside: cut what it waits in, and if it does not return, do not wait for it."""
        live.cancellation.cancel(cause)
        if live.stream.wait(ABANDON_AFTER) is None:
            self._end(live, live.cancellation.cause)

    def stop_session(self, session_id: str, cause: AgentOSError) -> None:
        """Stop all runs of a session that are under way here, side by side, and wait for their ends."""
        side_by_side(self.stop, [live for live in self._runs if live.run.session_id == session_id], cause)

    def stop_asked(self, run: Run, cause: RunCancelled) -> None:
        """Stop a run that was asked to stop in the database, wherever it is: ``run.worker_id`` says where.

        One that no worker has is ended here. Raises :class:`~agentos.errors.StorageError`.
        """
        if run.worker_id is None:
            self.end_unattended(run, cause)
        elif self._runs.get(run.id) is not None:
            self.cancel(run.id, cause)
        else:
            self._signals.notify(worker_topic(run.worker_id))

    def end_unattended(self, run: Run, failure: AgentOSError, *, silent: bool = False) -> Run | None:
        """End a run that no worker executes: :meth:`agentos.execution.unattended.UnattendedRuns.end`."""
        return self._unattended.end(run, failure, silent=silent)

    def drain(self, timeout: float) -> None:
        """Take no new runs, give those under way ``timeout`` seconds, then end them as lost. Can be called again.

        Runs that wait for a worker, or are paused, stay for the others.
        """
        self.draining = True
        self._runs.wait_idle(timeout)
        cause = WorkerLost("the server was stopped before the run ended; what it had written was kept")
        self._runs.end_all(self._end, cause)

    def close(self) -> None:
        """End the threads. Runs under way have been ended before; their observers get a moment."""
        self._runs.wait_idle(OBSERVERS_WAIT)
        self._log.close()

    # --- the one path ------------------------------------------------------------------------------------------------

    def _claim(self, run_id: str) -> Execution | None:
        """Claim a run, unless it is under way here; make it one of those that are."""
        with self._runs.claiming(run_id):
            present = self._runs.get(run_id)
            if self.draining or (present is not None and not present.is_ending):
                return None
            claimed = self._claims.claim(run_id)
            if claimed is None:
                return None
            admission, prepared = claimed
            live = self._enter(admission, prepared, deadline=time.monotonic() + prepared.limits.timeout)
            return live, prepared, admission

    def _enter(self, admission: Admission, prepared: Prepared, *, deadline: float) -> LiveRun:
        """Make a run one of those under way in this worker."""
        live = self._new_live(
            admission,
            self._signals.timers,
            deadline=deadline,
            limits=prepared.limits,
            # A tool that asks twice is called again after each answer, and needs those of earlier pauses too.
            actions=persistently(partial(self._storage.runs.actions, admission.run.id)) if admission.actions else (),
            tool_log=self._tool_log,
            sessions=self._storage.sessions,
        )
        self._runs.add(live)
        self._log.open(live.run, live.stream)
        return live

    def _execute(self, live: LiveRun, prepared: Prepared, admission: Admission) -> None:
        """Execute an admission in the calling thread, until its run has ended or paused."""
        with tracing(live.run.trace):
            live.tell()
            if admission.crashed:
                self.taken_over += 1
            outcome = self._call.execute(live, prepared, admission)
            if not isinstance(outcome, PauseRequested):
                self._end(live, live.cancellation.cause or outcome)
            elif live.cancellation.cause is not None:
                self._end(live, live.cancellation.cause)
            else:
                self._leave(live, self._pauser.pause(live, outcome.actions, outcome.state))

    def _end(self, live: LiveRun, failure: AgentOSError | None) -> None:
        self._leave(live, self._finalizer.end(live, failure))

    def _leave(self, live: LiveRun, ended: Ended | None) -> None:
        """Tell of the end or the pause of a run; ``None``: another thread does."""
        if ended is None:
            return
        self._signals.notify(*topics_of(live.run))
        if ended.next_run_id is not None:
            self.submit(ended.next_run_id)
        try:
            self._observers.tell(live)
        finally:
            live.writer.close()
            self._runs.remove(live)

    def _stop_interrupted(self, admission: Admission) -> None:
        for other in admission.interrupted:
            try:
                self.stop_asked(other, RunCancelled("a newer run of its session interrupted it"))
            except StorageError:
                logger.warning("an interrupted run is left to a sweep to end", extra={"run_id": other.id})

    @staticmethod
    def _spawn(function: Callable[..., None], live: LiveRun, *arguments: object) -> None:
        threading.Thread(target=function, args=(live, *arguments), name=f"run-{live.run.id}", daemon=True).start()
