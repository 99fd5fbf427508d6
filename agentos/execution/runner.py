"""Executes runs, each in a thread of its own, away from the connection that asked for it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agentos.domain.agent import StreamingAgent
from agentos.domain.event import Frame
from agentos.domain.message import Message
from agentos.domain.run import Run, RunStatus
from agentos.domain.times import utc_now
from agentos.errors import (
    AgentFailed,
    AgentOSError,
    ExecutionError,
    RunCancelled,
    RunNotFound,
    RunTimeout,
    ShuttingDown,
    StorageError,
    WorkerLost,
)
from agentos.events.log import EventLog
from agentos.execution.alarm import Alarm
from agentos.execution.live import LiveRun
from agentos.execution.turns import SessionTurns
from agentos.storage.interface import Admission, Lease, Storage

ABANDON_AFTER = 0.5
"""Seconds that a run which has to stop is waited for; after that its thread is left alone and its words are dropped."""

POLL = (0.05, 0.5)
"""Least and most seconds between two questions whether it is a queued run's turn, where nobody here wakes it."""

OBSERVERS_WAIT = 1.0
"""Seconds that the end of the process waits for those who observe the end of a run."""

SAVE_PAUSES = (0.2, 0.8)
"""Seconds to wait after each failed attempt to save the end of a run, before one last attempt."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLimits:
    """How long a run may take (seconds), how much of its session it is given, and how much it may write."""

    timeout: float
    history_turns: int
    max_output: int


class Runner:
    """Starts runs, ends each exactly once, and knows those under way in this worker."""

    def __init__(self, storage: Storage, log: EventLog, lease: Lease, *, on_finished: Callable[[Run], object]) -> None:
        self._storage = storage
        self._log = log
        self._lease = lease
        self._on_finished = on_finished
        self._alarm = Alarm()
        self._turns = SessionTurns()
        self._live: dict[str, LiveRun] = {}
        self._idle = threading.Condition()
        self.draining = False

    def start(self, run: Run, agent: StreamingAgent, limits: RunLimits) -> LiveRun:
        """Accept a run durably and begin to execute it.

        Raises :class:`~agentos.errors.ShuttingDown`, :class:`~agentos.errors.SessionNotFound` or
        :class:`~agentos.errors.StorageError`; then there is no run.
        """
        if self.draining:
            raise ShuttingDown("the server is about to stop and takes no new runs; try again")
        deadline = time.monotonic() + limits.timeout
        admission = self._storage.admit_run(run, self._lease, history_turns=limits.history_turns)
        live = LiveRun(admission.run, deadline=deadline, max_output=limits.max_output)
        with self._idle:
            self._live[run.id] = live
        self._log.open(live.run, live.stream)
        threading.Thread(
            target=self._execute, args=(live, agent, admission, limits), name=f"run-{run.id}", daemon=True
        ).start()
        return live

    def get(self, run_id: str) -> LiveRun | None:
        """Return a run that is under way in this worker."""
        return self._live.get(run_id)

    def running(self) -> list[LiveRun]:
        """Return the runs under way in this worker."""
        return list(self._live.values())

    def stop(self, live: LiveRun, cause: AgentOSError) -> None:
        """End a run for a reason from outside: cut what it waits in, and if it does not return, go on without it."""
        live.cancellation.cancel(cause)
        if live.stream.wait(ABANDON_AFTER) is None:
            self._end(live, live.cancellation.cause)

    def stop_session(self, session_id: str, cause: AgentOSError) -> None:
        """Stop all runs of a session that are under way here."""
        for live in self.running():
            if live.run.session_id == session_id:
                self.stop(live, cause)

    def drain(self, timeout: float) -> None:
        """Take no new runs, give those under way ``timeout`` seconds, then end them as lost. Can be called again."""
        self.draining = True
        self._wait_idle(timeout)
        cause = WorkerLost("the server was stopped before the run ended; what it had written was kept")
        for live in self.running():
            live.cancellation.cancel(cause)
        self._wait_idle(ABANDON_AFTER)
        # Side by side: a save that has to wait must not take the time of the others.
        enders = [threading.Thread(target=self._end, args=(live, cause), daemon=True) for live in self.running()]
        for ender in enders:
            ender.start()
        for ender in enders:
            ender.join(sum(SAVE_PAUSES))

    def close(self) -> None:
        """End the threads. Runs under way have been ended before; their observers get a moment."""
        self._wait_idle(OBSERVERS_WAIT)
        self._alarm.close()
        self._log.close()

    def _wait_idle(self, timeout: float) -> None:
        with self._idle:
            self._idle.wait_for(lambda: not self._live, timeout)

    def _execute(self, live: LiveRun, agent: StreamingAgent, admission: Admission, limits: RunLimits) -> None:
        overdue = self._alarm.call_at(live.deadline, lambda: self._overdue(live, limits.timeout))
        failure: AgentOSError | None = None
        try:
            history = self._await_turn(live, admission, limits)
            self._consume(live, agent, history)
        except (ExecutionError, RunCancelled, StorageError) as error:
            failure = error
        except AgentOSError as error:
            failure = AgentFailed(f"agent {live.run.agent_id!r} failed: {error.message}")
        except Exception:  # the agent's own code may raise anything
            logger.exception("agent raised", extra={"agent_id": live.run.agent_id, "run_id": live.run.id})
            failure = AgentFailed(f"agent {live.run.agent_id!r} failed; the server's log has the reason")
        finally:
            self._alarm.cancel(overdue)
            self._end(live, live.cancellation.cause or failure)

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

    def _await_turn(self, live: LiveRun, admission: Admission, limits: RunLimits) -> Sequence[Message]:
        if admission.run.status is not RunStatus.QUEUED:
            return admission.history
        pause = POLL[0]
        with self._turns.waiting(live.run.session_id or "") as ended, live.cancellation.cutting(ended.set):
            while True:
                claimed = self._claim(live, limits)
                if claimed is not None:
                    live.run = claimed.run
                    return claimed.history
                if not ended.wait(pause):
                    pause = min(pause * 2, POLL[1])
                ended.clear()
                live.cancellation.check()

    def _claim(self, live: LiveRun, limits: RunLimits) -> Admission | None:
        try:
            return self._storage.claim_turn(live.run, history_turns=limits.history_turns, now=utc_now())
        except RunNotFound as error:
            raise RunCancelled(
                "the run was taken away while it waited: its session is gone, or it was ended"
            ) from error

    def _overdue(self, live: LiveRun, timeout: float) -> None:
        cause = RunTimeout(f"the run did not end within {timeout:g} s and was stopped")
        threading.Thread(target=self.stop, args=(live, cause), name="overdue", daemon=True).start()

    def _end(self, live: LiveRun, failure: AgentOSError | None) -> None:
        if not live.begin_end():
            return
        self._log.release(live.run.id)
        run, frame = live.ended(failure)
        try:
            saved = self._save(live, run, [*live.stream.unlogged(), frame])
        except StorageError:
            logger.error("the end of a run could not be saved", extra={"run_id": run.id})
            run, frame = live.ended(StorageError("the run ended, but its result could not be saved"))
        else:
            if not saved:
                gone = RunCancelled("the run was ended elsewhere, or its session was deleted; nothing was saved")
                run, frame = live.ended(gone)
        live.run = run
        live.stream.append(frame)
        if run.session_id is not None:
            self._turns.ended(run.session_id)
        try:
            self._on_finished(run)
        finally:
            with self._idle:
                self._live.pop(run.id, None)
                self._idle.notify_all()

    def _save(self, live: LiveRun, run: Run, frames: Sequence[Frame]) -> bool:
        kept = run.status is RunStatus.COMPLETED or (run.status is RunStatus.CANCELLED and run.content)
        messages = live.turn_messages() if kept and run.session_id is not None else ()
        for pause in SAVE_PAUSES:
            try:
                return self._storage.finish_run(run, messages=messages, frames=frames)
            except StorageError:
                time.sleep(pause)
        return self._storage.finish_run(run, messages=messages, frames=frames)
