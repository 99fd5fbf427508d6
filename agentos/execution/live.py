"""One run under way in this worker."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Collection, Sequence
from typing import Any

from agentos.cancellation import Cancellation
from agentos.domain.checkpoint import Checkpoint
from agentos.domain.event import (
    AgentEvent,
    CustomEvent,
    Frame,
    Reasoning,
    Resumed,
    RunStart,
    StateEvent,
    Step,
    Token,
    Yielded,
)
from agentos.domain.event import ToolCallEvent as ToolCall
from agentos.domain.message import Message
from agentos.domain.pending import PendingAction
from agentos.domain.run import Run, RunStatus
from agentos.domain.stored_request import NO_OVERRIDES
from agentos.domain.text import clean
from agentos.domain.times import utc_now
from agentos.domain.usage import Usage
from agentos.errors import AgentFailed, AgentOSError, ProviderError
from agentos.events.encoder import FrameEncoder
from agentos.events.stream import EventStream
from agentos.execution.checkpoints import CheckpointMaker
from agentos.execution.checks import check_step, check_usage, checked_tool_call
from agentos.execution.first_event import first_event
from agentos.execution.live_writer import LiveWriter
from agentos.execution.outcome import paused_event, run_error, status_of, terminal_event, turn_messages
from agentos.execution.run_limits import RunLimits
from agentos.execution.step_recorder import StepRecorder
from agentos.observability.call_log import Origin, ToolCallLog, log_model_call
from agentos.runtime.context import RunContext
from agentos.runtime.model_response import kept_step
from agentos.runtime.transcript import Transcript
from agentos.storage.admission import Admission
from agentos.storage.sessions import SessionStore
from agentos.timers import TimerThread


class LiveRun:
    """The run as it is now, its events so far, and the one end that it comes to.

    Its agent's thread records; any thread may try to end it, and only the first succeeds. What is recorded after that
    is dropped.
    """

    _unseen: Collection[object] = ()
    """What observers have not seen, in the classes that show something. Outside of the lock, they are shown it."""

    def __init__(
        self,
        admission: Admission,
        timers: TimerThread,
        *,
        deadline: float,
        limits: RunLimits,
        actions: Sequence[PendingAction] = (),
        tool_log: ToolCallLog | None = None,
        sessions: SessionStore,
    ) -> None:
        run, saved = admission.run, admission.checkpoints
        self.run = dataclasses.replace(run, answered=tuple(actions)) if actions else run
        self.deadline = deadline
        self.stream = EventStream(timers, durable=limits.durable, logged=admission.logged)
        self.cancellation = Cancellation()
        self.transcript = Transcript.restored(saved) if saved else Transcript()
        self.writer = LiveWriter(
            run,
            self.publish,
            self.tell,
            sessions,
            max_state=limits.max_state,
            saved=[patch for checkpoint in saved for patch in checkpoint.patches],
        )
        self._steps = StepRecorder([step for checkpoint in saved for step in checkpoint.steps])
        self._written = saved[-1].written if saved else 0
        """Bytes of the custom and state events so far."""
        self._saved, self._actions = saved, actions
        self._saves_steps = limits.saves_steps
        last = saved[-1].number if saved else 0
        self._checkpoints = CheckpointMaker(self.transcript, self._steps, self.writer, last=last)
        self._encoder = FrameEncoder(run)
        self._origin = Origin(run.id, run.agent_id, run.session_id, run.request_id)
        self._max_output = limits.max_output
        self._pause_timeout = limits.pause_timeout
        self._tool_log = tool_log or ToolCallLog()
        self._lock = threading.Lock()
        self._ending = False
        self.has_said = False
        """Whether its agent has said or written anything."""
        self._begin(first_event(admission))

    def context(self, history: Sequence[Message]) -> RunContext:
        """Return what the agent is given."""
        return RunContext(
            run_id=self.run.id,
            agent_id=self.run.agent_id,
            input=self.run.input,
            deadline=self.deadline,
            owner=self.run.owner,
            session_id=self.run.session_id,
            user_id=self.run.user_id,
            request_id=self.run.request_id,
            media=self.run.media,
            history=history,
            metadata=self.run.metadata,
            overrides=NO_OVERRIDES if self.run.request is None else self.run.request.overrides,
            cancellation=self.cancellation,
            transcript=self.transcript,
            writer=self.writer,
            checkpoints=self._saved,
            actions=self._actions,
            pause_timeout=self._pause_timeout,
        )

    def log_fields(self) -> dict[str, str | None]:
        """Return what a line of the log says of the run."""
        return {"run_id": self.run.id, "agent_id": self.run.agent_id, "request_id": self.run.request_id}

    def record(self, yielded: Yielded) -> None:
        """Take in what the agent yielded, several things at once. Raises the cause when the run has to stop."""
        self.cancellation.check()
        self.has_said = True
        try:
            with self._lock:
                if self._ending:
                    return
                frames: list[Frame] = []
                try:
                    for item in yielded if isinstance(yielded, list) else (yielded,):
                        self._take(item, frames)
                finally:  # what came before a mistake was said
                    self.stream.extend(frames)
        finally:
            if self._unseen:
                self.tell()

    def tell(self) -> None:
        """Let observers see what was recorded. Does nothing: see :class:`~agentos.execution.observed.ObservedRun`."""

    def tell_end(self) -> None:
        """Let observers see how the run ended."""

    def tell_pause(self) -> None:
        """Let observers see that the run paused."""

    def _begin(self, first: RunStart | Resumed) -> None:
        self.stream.append(self._encoder.encode(first, self.stream.next_number))

    def _take(self, item: AgentEvent | str, frames: list[Frame]) -> None:
        match item:
            case str() | Token():
                text = clean(item if isinstance(item, str) else item.token)
                if not text:
                    return
                # Nearly all that a run yields is text, so no event object is made for a piece of it.
                frames.append(self._encoder.encode_token(text, self.transcript.tokens, self._next_number(frames)))
                self.transcript.add_text(text)
            case Reasoning():
                content = clean(item.content)
                self._add(item if content == item.content else dataclasses.replace(item, content=content), frames)
            case ToolCall():
                item = checked_tool_call(self.run.agent_id, item)
                self._add(item, frames)
                self._steps.add(item)
                if item.status != "started":
                    self._tool_log.log(self._origin, item)
                    if self._saves_steps and self.transcript.step_ended:
                        self._save_step(frames)
            case Usage():
                check_usage(self.run.agent_id, item)
                check_usage(self.run.agent_id, self.transcript.usage + item)
                self.transcript.apply(item)
                return
            case Step():
                self._take_step(item)
                return
            case _:
                raise AgentFailed(
                    f"agent {self.run.agent_id!r} yielded a {type(item).__name__}; accepted are str, Token, Reasoning,"
                    " ToolCallEvent, Usage, Step and a list of them"
                )
        if self.transcript.size > self._max_output:
            raise ProviderError(
                f"the answer grew beyond {self._max_output} characters (AGENTOS_MAX_OUTPUT_SIZE) and was stopped"
            )

    def _save_step(self, frames: list[Frame]) -> None:
        """Have a checkpoint saved with the event log, not before the frames that followers are to see of it."""
        self.stream.extend(frames)
        frames.clear()
        self.stream.add_checkpoint(self._checkpoints.make(written=self._written))

    def _add(self, event: Reasoning | ToolCall, frames: list[Frame]) -> None:
        self.transcript.apply(event)
        frames.append(self._encoder.encode(event, self._next_number(frames)))

    def publish(self, event: CustomEvent | StateEvent | Step) -> bool:
        """Take in what was written besides the answer, from any thread; return False if the run has ended.

        Raises :class:`~agentos.errors.AgentFailed` when all custom and state events are too much together.
        """
        self.has_said = True
        with self._lock:
            if self._ending:
                return False
            if isinstance(event, Step):  # of our own loop, so it needs no check
                self._keep_step(event)
            else:
                self._add_written(event)
            return True

    def _add_written(self, event: CustomEvent | StateEvent) -> None:
        frame = self._encoder.encode(event, self.stream.next_number)
        if self._written + len(frame.data) > self._max_output:
            raise AgentFailed(
                f"the custom and state events of the run have more than {self._max_output} bytes"
                " (AGENTOS_MAX_OUTPUT_SIZE); no more are taken"
            )
        self._written += len(frame.data)
        self.stream.append(frame)

    def _keep_step(self, step: Step) -> None:
        self._steps.add(step)

    def _take_step(self, step: Step) -> None:
        check_step(self.run.agent_id, step)
        step = kept_step(step)
        self._keep_step(step)
        if step.status == "completed":
            self.transcript.apply(step)
            log_model_call(self._origin, step)

    def _next_number(self, frames: list[Frame]) -> int:
        return self.stream.next_number + len(frames)

    @property
    def is_ending(self) -> bool:
        """True once a caller has begun to end or pause the run."""
        return self._ending

    def begin_end(self) -> bool:
        """Claim the right to end the run; nothing is recorded any more. False if another caller has it."""
        with self._lock:
            mine = not self._ending
            self._ending = True
            return mine

    def ended(self, failure: AgentOSError | None) -> tuple[Run, Frame]:
        """Return the run in its final state, and the frame that says so. Call after :meth:`begin_end`."""
        run = self._as_it_is(
            status_of(failure),
            steps=self._steps.ended(None if failure is None else failure.details.get("cause", failure.code)),
            ended_at=utc_now(),
            error=None if failure is None else run_error(failure, self.run.id),
        )
        return run, self._encoder.encode(terminal_event(run, self.transcript.tokens), self.stream.next_number)

    def paused(self, actions: Sequence[PendingAction], state: Any = None) -> tuple[Run, Sequence[Checkpoint], Frame]:
        """Return the run as it waits, the checkpoints that are not saved, and the frame. Call after :meth:`begin_end`.

        Call it once: the last checkpoint is made here, with the agent's ``state``.
        """
        run = self._as_it_is(RunStatus.PAUSED, pending=tuple(actions))
        frame = self._encoder.encode(paused_event(actions, run.usage), self.stream.next_number)
        last = self._checkpoints.make(written=self._written, open_calls=True, agent_state=state)
        return run, [*self.stream.unsaved_checkpoints(), last], frame

    def _as_it_is(self, status: RunStatus, **fields: Any) -> Run:
        return dataclasses.replace(
            self.run,
            status=status,
            content=self.transcript.output,
            reasoning=self.transcript.reasoning,
            model=self.transcript.model,
            finish_reason=self.transcript.finish_reason,
            usage=self.transcript.usage,
            loops=self.transcript.turns,
            **fields,
        )

    def turn_messages(self) -> Sequence[Message]:
        """Return the run as a whole turn for the session's history: from the user's words to an answer."""
        return turn_messages(self.run, self.transcript)
