"""Executes runs, each in a thread of its own, away from the connection that asked for it."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from agentos.domain.agent import StreamingAgent
from agentos.domain.message import Message
from agentos.domain.run import BusyPolicy, Run, RunStatus
from agentos.errors import (
    AgentFailed,
    AgentOSError,
    ExecutionError,
    RunCancelled,
    RunTimeout,
    ShuttingDown,
    StorageError,
    WorkerLost,
)
from agentos.events.log import EventLog
from agentos.execution.executor import Slot
from agentos.execution.finalizer import SAVE_PAUSES, RunFinalizer
from agentos.execution.live import LiveRun
from agentos.execution.messages import prepare_messages
from agentos.execution.observed import Observe, ObservedRun
from agentos.execution.run_limits import RunLimits
from agentos.execution.session_queue import SessionQueue
from agentos.storage.admission import Admission, Lease, Quota
from agentos.storage.idempotency import IdempotencyKey, Replay
from agentos.storage.interface import Storage
from agentos.timers import TimerThread

ABANDON_AFTER = 0.5
"""Seconds that a run which has to stop is waited for; after that its thread is left alone and its words are dropped."""

OBSERVERS_WAIT = 1.0
"""Seconds that the end of the process waits for those who observe the end of a run."""

logger = logging.getLogger(__name__)


class Runner:
    """Starts runs, ends each exactly once, and knows those under way in this worker."""

    def __init__(
        self,
        storage: Storage,
        log: EventLog,
        lease: Lease,
        *,
        quota: Quota = Quota(),  # noqa: B008 - frozen
        on_finished: Callable[[Run], object],
        on_event: Observe | None = None,
        log_content: bool = False,
    ) -> None:
        self._storage = storage
        self._quota = quota
        self._log = log
        self._lease = lease
        self._finalizer = RunFinalizer(storage, log)
        self._on_finished = on_finished
        # Decided once: a run that no plugin observes has no look-out for observers on the way of its tokens.
        self._new_live = LiveRun if on_event is None else partial(ObservedRun, observe=on_event)
        self._log_content = log_content
        self._turns = SessionQueue(storage)
        self._timers = TimerThread()
        self._live: dict[str, LiveRun] = {}
        self._idle = threading.Condition()
        self.draining = False

    def start(
        self,
        run: Run,
        agent: StreamingAgent,
        limits: RunLimits,
        *,
        owner: str | None,
        concurrency: BusyPolicy = BusyPolicy.ENQUEUE,
        idempotency: IdempotencyKey | None = None,
        slot: Slot | None = None,
    ) -> LiveRun | Replay:
        """Accept a run durably and begin to execute it, or have it executed in ``slot``.

        Its session must be of ``owner``; ``None``: of any owner. A repeat means that there is no new run. Raises
        :class:`~agentos.errors.ShuttingDown`, :class:`~agentos.errors.RateLimited`,
        :class:`~agentos.errors.SessionNotFound`, :class:`~agentos.errors.SessionBusy` or
        :class:`~agentos.errors.StorageError`; then there is none either.
        """
        if self.draining:
            raise ShuttingDown("the server is about to stop and takes no new runs; try again")
        begun = time.monotonic()
        admission = self._storage.runs.admit(
            run,
            self._lease,
            owner=owner,
            history_turns=limits.history_turns,
            concurrency=concurrency,
            queued=slot is not None,
            idempotency=idempotency,
            quota=self._quota,
        )
        if isinstance(admission, Replay):
            return admission
        waits = admission.run.status is RunStatus.QUEUED
        deadline = begun + (limits.queue_timeout if waits else limits.timeout)
        live = self._enter(dataclasses.replace(admission.run, request_id=run.request_id), limits, deadline=deadline)
        for other in admission.interrupted:
            self.cancel(other, RunCancelled("a newer run of its session interrupted it"))
        if slot is None:
            self._spawn(self._execute, live, agent, admission, limits)
        else:
            slot.execute(run.id, lambda: self._execute_held(live, agent, admission, limits))
        return live

    def resume(self, run: Run, agent: StreamingAgent, limits: RunLimits) -> None:
        """Execute a run that was taken over from a lost worker from its beginning, after what its log has already."""
        logged = 0
        while frames := self._storage.events.read(run.id, after=logged):
            logged = frames[-1].number
        live = self._enter(run, limits, deadline=time.monotonic() + limits.queue_timeout, logged=logged)
        waiting = Admission(dataclasses.replace(run, status=RunStatus.QUEUED))
        self._spawn(self._execute, live, agent, waiting, limits)

    def get(self, run_id: str) -> LiveRun | None:
        """Return a run that is under way in this worker."""
        return self._live.get(run_id)

    def running(self) -> list[LiveRun]:
        """Return the runs under way in this worker."""
        return list(self._live.values())

    def cancel(self, run_id: str, cause: AgentOSError) -> None:
        """Stop a run, if it is under way in this worker, without waiting for its end."""
        live = self._live.get(run_id)
        if live is not None and live.cancellation.cause is None:
            self._spawn(self.stop, live, cause)

    def stop(self, live: LiveRun, cause: AgentOSError) -> None:
        """End a run for a reason from outside: cut what it waits in, and if it does not return, do not wait for it."""
        live.cancellation.cancel(cause)
        if live.stream.wait(ABANDON_AFTER) is None:
            self._end(live, live.cancellation.cause)

    def stop_session(self, session_id: str, cause: AgentOSError) -> None:
        """Stop all runs of a session that are under way here, side by side, and wait for their ends."""
        _side_by_side(self.stop, [live for live in self.running() if live.run.session_id == session_id], cause)

    def drain(self, timeout: float) -> None:
        """Take no new runs, give those under way ``timeout`` seconds, then end them as lost. Can be called again."""
        self.draining = True
        self._wait_idle(timeout)
        cause = WorkerLost("the server was stopped before the run ended; what it had written was kept")
        for live in self.running():
            live.cancellation.cancel(cause)
        self._wait_idle(ABANDON_AFTER)
        # A save that has to wait must not take the time of the others.
        _side_by_side(self._end, self.running(), cause, timeout=sum(SAVE_PAUSES))

    def close(self) -> None:
        """End the threads. Runs under way have been ended before; their observers get a moment."""
        self._wait_idle(OBSERVERS_WAIT)
        self._timers.close()
        self._log.close()

    def _wait_idle(self, timeout: float) -> None:
        with self._idle:
            self._idle.wait_for(lambda: not self._live, timeout)

    def _enter(self, run: Run, limits: RunLimits, *, deadline: float, logged: int = 0) -> LiveRun:
        """Make a run one of those under way in this worker."""
        live = self._new_live(
            run,
            self._timers,
            deadline=deadline,
            max_output=limits.max_output,
            durable=limits.durable,
            logged=logged,
            log_content=self._log_content,
            sessions=self._storage.sessions,
            max_state=limits.max_state,
        )
        with self._idle:
            self._live[run.id] = live
        self._log.open(run, live.stream)
        return live

    @staticmethod
    def _spawn(function: Callable[..., None], live: LiveRun, *arguments: object) -> None:
        threading.Thread(target=function, args=(live, *arguments), name=f"run-{live.run.id}", daemon=True).start()

    def _execute_held(self, live: LiveRun, agent: StreamingAgent, admission: Admission, limits: RunLimits) -> None:
        """Execute a run that waited for an executor, which counts in none of its limits."""
        live.deadline = time.monotonic() + limits.queue_timeout
        self._execute(live, agent, admission, limits)

    def _execute(self, live: LiveRun, agent: StreamingAgent, admission: Admission, limits: RunLimits) -> None:
        failure: AgentOSError | None = None
        live.tell()
        try:
            history = self._wait_for_turn(live, admission, limits)
            overdue = RunTimeout(f"the run did not end within {limits.timeout:g} s and was stopped")
            with self._before_deadline(live, overdue):
                self._consume(live, agent, prepare_messages(self._storage, live, history, most=limits.history_bytes))
        except (ExecutionError, RunCancelled, StorageError) as error:
            failure = error
        except AgentOSError as error:
            failure = AgentFailed(f"agent {live.run.agent_id!r} failed: {error.message}")
        except Exception:  # the agent's own code may raise anything
            logger.exception("agent raised", extra=live.log_fields())
            failure = AgentFailed(f"agent {live.run.agent_id!r} failed; the server's log has the reason")
        finally:
            self._end(live, live.cancellation.cause or failure)

    def _wait_for_turn(self, live: LiveRun, admission: Admission, limits: RunLimits) -> Sequence[Message]:
        """Return the history that the run begins with. If it had to wait for its turn, its own time begins now."""
        if admission.run.status is not RunStatus.QUEUED:
            return admission.history
        late = RunTimeout(
            f"the run waited {limits.queue_timeout:g} s for its session's turn and was stopped; try again when the"
            " session has no run under way, or wait longer (AGENTOS_QUEUE_TIMEOUT)",
            details={"phase": "queued"},
        )
        with self._before_deadline(live, late):
            history = self._turns.wait_for(live, history_turns=limits.history_turns)
        live.deadline = time.monotonic() + limits.timeout
        return history

    @contextmanager
    def _before_deadline(self, live: LiveRun, cause: RunTimeout) -> Iterator[None]:
        """Stop the run for a cause unless the block ends before the run's present deadline."""
        overdue = self._timers.call_at(live.deadline, lambda: self._spawn(self.stop, live, cause))
        try:
            yield
        finally:
            overdue.cancel()

    def _consume(self, live: LiveRun, agent: StreamingAgent, history: Sequence[Message]) -> None:
        events = agent.stream(live.context(history))
        try:
            for event in events:
                live.record(event)
        finally:
            close = getattr(events, "close", None)
            if close is not None:
                close()
        live.cancellation.check()

    def _end(self, live: LiveRun, failure: AgentOSError | None) -> None:
        if not self._finalizer.end(live, failure):
            return
        if live.run.session_id is not None:
            self._turns.ended(live.run.session_id)
        try:
            if live.run.status.finished:  # else another worker has it, and tells of its end
                live.tell_end()
                self._on_finished(live.run)
        finally:
            live.writer.close()
            with self._idle:
                self._live.pop(live.run.id, None)
                self._idle.notify_all()


def _side_by_side(
    function: Callable[[LiveRun, AgentOSError], None],
    found: Sequence[LiveRun],
    cause: AgentOSError,
    *,
    timeout: float | None = None,
) -> None:
    """Call a function for each of some runs in a thread of its own, and wait at most ``timeout`` seconds for each."""
    threads = [threading.Thread(target=function, args=(live, cause), daemon=True) for live in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout)
