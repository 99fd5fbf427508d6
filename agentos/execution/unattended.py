"""Ends runs that no worker executes: paused ones, those that wait for a worker, and those of lost workers."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import orjson

from agentos.domain.event import Frame
from agentos.domain.message import Message
from agentos.domain.run import Run, RunStatus
from agentos.domain.times import utc_now
from agentos.errors import AgentOSError, StorageError
from agentos.events.encoder import FrameEncoder
from agentos.execution.observers import RunObservers
from agentos.execution.outcome import leaves_messages, run_error, status_of, terminal_event, turn_messages
from agentos.execution.pause import forget_expiry
from agentos.execution.signals import Signals, run_topic, session_topic
from agentos.execution.step_recorder import StepRecorder
from agentos.runtime.transcript import Transcript
from agentos.storage.admission import Ended
from agentos.storage.interface import Storage

logger = logging.getLogger(__name__)


class _Logged(NamedTuple):
    """What the log of a run has."""

    number: int
    text: str
    """Of the last turn."""
    tokens: int


class UnattendedRuns:
    """Ends them, each at most once: the end is fenced by the attempt at which the run was read.

    ``submit`` has the next run of the session executed.
    """

    def __init__(
        self, storage: Storage, signals: Signals, observers: RunObservers, *, submit: Callable[[str], None]
    ) -> None:
        self._storage = storage
        self._signals = signals
        self._observers = observers
        self._submit = submit

    def end(self, run: Run, failure: AgentOSError, *, silent: bool = False) -> Run | None:
        """End a run that was read; return it, or ``None`` if it has ended, or a worker has claimed it meanwhile.

        A cancelled run keeps what it had said before its pause, as one under way does. With ``silent``, no observer is
        shown the end: one was before.
        """
        logged = self._logged(run.id)
        saved = self._storage.runs.checkpoints(run.id) if run.started_at is not None else ()
        ended = dataclasses.replace(
            run,
            status=status_of(failure),
            content=logged.text,
            ended_at=utc_now(),
            error=run_error(failure, run.id),
            pending=(),
            answered=run.pending,
        )
        transcript = Transcript.restored(saved)
        if saved:
            steps = StepRecorder([step for checkpoint in saved for step in checkpoint.steps])
            # A run that pauses has said all that its checkpoints have. The log of a lost worker's run may have more.
            said = logged.text if run.status is RunStatus.RUNNING else transcript.output
            ended = dataclasses.replace(
                ended,
                content=said,
                reasoning=transcript.reasoning,
                model=transcript.model,
                finish_reason=transcript.finish_reason,
                usage=transcript.usage,
                loops=transcript.turns,
                steps=steps.ended(failure.details.get("cause", failure.code)),
            )
        event = terminal_event(ended, logged.tokens)
        messages = turn_messages(run, transcript) if leaves_messages(ended) else ()
        end = self._save(ended, messages, FrameEncoder(run).encode(event, logged.number + 1))
        if end is None:
            return None
        self._signals.notify(*topics_of(run))
        if end.next_run_id is not None:
            self._submit(end.next_run_id)
        if run.status is RunStatus.PAUSED:
            forget_expiry(self._storage, run)
        if not silent:
            self._observers.tell_end(self._with_request(ended), event)
        return ended

    def _save(self, ended: Run, messages: Sequence[Message], last: Frame) -> Ended | None:
        """Save the end of a run; without its messages if it is them that the database does not take."""
        finish = partial(self._storage.runs.finish, ended, frames=[last])
        try:
            return finish(messages=messages)
        except StorageError:
            if not messages:
                raise
        self._storage.check()  # raises during an outage, after which the messages are saved
        try:
            return finish(messages=messages)  # once more: the outage may just be over
        except StorageError:
            logger.error("the messages of a run could not be saved; it ends without them", extra={"run_id": ended.id})
            return finish()

    def _with_request(self, run: Run) -> Run:
        """Return a run with its request, for observers that need it."""
        if run.request is not None:
            return run
        try:
            return dataclasses.replace(run, request=self._storage.runs.request(run.id, owner=None))
        except AgentOSError:  # it has ended all the same
            return run

    def _logged(self, run_id: str) -> _Logged:
        number, tokens, text = 0, 0, list[str]()
        while frames := self._storage.events.read(run_id, after=number):
            for frame in frames:
                if frame.type == "token":
                    text.append(orjson.loads(frame.data)["data"]["token"])
                    tokens += 1
                elif frame.type in ("tool_call", "run_start"):
                    text.clear()
            number = frames[-1].number
        return _Logged(number, "".join(text), tokens)


def topics_of(run: Run) -> list[str]:
    """Return the topics under which the end or a pause of a run is announced."""
    topics = [run_topic(run.id)]
    if run.session_id is not None:
        topics.append(session_topic(run.session_id))
    return topics
