"""Calls the agent of a run: at its session's turn, with its history, within its time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from agentos.domain.agent import StreamingAgent
from agentos.domain.message import Message
from agentos.domain.pending import LARGEST_STATE, PauseRequested
from agentos.domain.run import RunStatus
from agentos.errors import (
    AgentFailed,
    AgentOSError,
    ExecutionError,
    RunCancelled,
    RunTimeout,
    SessionBusy,
    StorageError,
)
from agentos.event_loops import ADVICE, EventLoopRefused, begin_call
from agentos.execution.checks import checked_action
from agentos.execution.live import LiveRun
from agentos.execution.messages import prepare_messages
from agentos.execution.preparation import Prepared
from agentos.execution.run_limits import RunLimits
from agentos.execution.session_queue import SessionQueue, waited_too_long
from agentos.storage.admission import Admission
from agentos.storage.interface import Storage
from agentos.storage.json_text import dumps
from agentos.timers import TimerThread

Outcome = AgentOSError | PauseRequested | None
"""Why an execution is over: the agent failed, the run has to wait for something, or ``None``: it has completed."""

logger = logging.getLogger(__name__)


class AgentCall:
    """Executes an admission in the calling thread. ``stop`` stops a run that is overdue, from a thread of its own."""

    def __init__(
        self,
        storage: Storage,
        turns: SessionQueue,
        timers: TimerThread,
        stop: Callable[[LiveRun, AgentOSError], None],
    ) -> None:
        self._storage = storage
        self._turns = turns
        self._timers = timers
        self._stop = stop

    def execute(self, live: LiveRun, prepared: Prepared, admission: Admission) -> Outcome:
        """Have the agent do all that it does until its run ends or pauses. Never raises."""
        limits = prepared.limits
        try:
            history = self._history(live, admission, limits)
        except (ExecutionError, RunCancelled, StorageError, SessionBusy) as error:
            return error
        except Exception:
            logger.exception("a run could not begin", extra=live.log_fields())
            return AgentFailed("the run could not begin; the server's log has the reason")
        overdue = RunTimeout(f"the run did not end within {limits.timeout:g} s and was stopped")
        try:
            with self._before_deadline(live, overdue):
                messages = prepare_messages(self._storage, live, history, most=limits.history_bytes)
                _call(live, prepared, messages)
        except PauseRequested as pause:
            return _checked(live.run.agent_id, pause)
        except (ExecutionError, RunCancelled, StorageError) as error:
            return error
        except AgentOSError as error:
            return AgentFailed(f"agent {live.run.agent_id!r} failed: {error.message}")
        except BaseException:  # the agent's own code may raise anything
            logger.exception("agent raised", extra=live.log_fields())
            return AgentFailed(f"agent {live.run.agent_id!r} failed; the server's log has the reason")
        return None

    def _history(self, live: LiveRun, admission: Admission, limits: RunLimits) -> Sequence[Message]:
        """Return the history that the run begins with. If it had to wait for its turn, its own time begins now."""
        if admission.run.status is RunStatus.QUEUED:
            late = waited_too_long(limits.queue_timeout)
            with self._before_deadline(live, late):
                self._turns.wait_for(live)
            live.deadline = time.monotonic() + limits.timeout
        elif admission.history is not None:
            return admission.history
        if live.run.session_id is None or limits.history_turns == 0:
            return ()
        return self._storage.runs.window(live.run.session_id, turns=limits.history_turns)

    @contextmanager
    def _before_deadline(self, live: LiveRun, cause: RunTimeout) -> Iterator[None]:
        """Stop the run for a cause unless the block ends before the run's present deadline."""
        overdue = self._timers.call_at(live.deadline, lambda: self._stop(live, cause))
        try:
            yield
        finally:
            overdue.cancel()


def _checked(agent_id: str, pause: PauseRequested) -> Outcome:
    """Return a pause, or why there cannot be one."""
    if not pause.actions:
        return AgentFailed(f"agent {agent_id!r} asked for a pause and named nothing that it waits for")
    try:
        actions = [checked_action(agent_id, action) for action in pause.actions]
    except AgentFailed as error:
        return error
    if len({action.id for action in actions}) < len(actions):
        return AgentFailed(f"agent {agent_id!r} asked for a pause with two actions of the same id")
    try:
        size = 0 if pause.state is None else len(dumps(pause.state))
    except (TypeError, ValueError, RecursionError):
        return AgentFailed(f"agent {agent_id!r} asked for a pause, and what it wants kept for later is no JSON")
    if size > LARGEST_STATE:
        return AgentFailed(
            f"agent {agent_id!r} asked for a pause, and what it wants kept for later has {size} bytes of JSON; accepted"
            f" are at most {LARGEST_STATE}"
        )
    return PauseRequested(actions, pause.state)


def _call(live: LiveRun, prepared: Prepared, history: Sequence[Message]) -> None:
    """Have the agent do its work; in a guest process if it starts an event loop before it did anything."""
    begin_call()
    try:
        _consume(live, prepared.agent, history)
        return
    except EventLoopRefused as refused:
        moved = prepared.moved() if refused.movable and not live.has_said else None
        if moved is None:
            raise AgentFailed(
                f"agent {live.run.agent_id!r} starts an event loop, which a worker cannot run; {ADVICE}"
            ) from refused
    logger.info("an agent starts an event loop and is moved to a guest process", extra=live.log_fields())
    _consume(live, moved, history)


def _consume(live: LiveRun, agent: StreamingAgent, history: Sequence[Message]) -> None:
    events = agent.stream(live.context(history))
    try:
        for event in events:
            live.record(event)
    finally:
        close = getattr(events, "close", None)
        if close is not None:
            close()
    live.cancellation.check()
