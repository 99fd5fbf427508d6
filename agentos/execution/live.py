"""One run under way in this worker."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from agentos.cancellation import Cancellation
from agentos.domain.event import (
    AgentEvent,
    Complete,
    CustomEvent,
    Error,
    Frame,
    Reasoning,
    RunStart,
    StateEvent,
    Step,
    Token,
    Yielded,
)
from agentos.domain.event import ToolCallEvent as ToolCall
from agentos.domain.message import Message
from agentos.domain.run import Run, RunError, RunStatus
from agentos.domain.stored_request import NO_OVERRIDES
from agentos.domain.text import clean
from agentos.domain.times import utc_now
from agentos.domain.usage import Usage
from agentos.errors import AgentFailed, AgentOSError, ProviderError, RunCancelled
from agentos.events.encoder import FrameEncoder
from agentos.events.stream import EventStream
from agentos.execution.checks import check_step, check_usage
from agentos.execution.live_writer import LiveWriter
from agentos.execution.step_recorder import StepRecorder
from agentos.observability.call_log import Origin, log_model_call, log_tool_call
from agentos.observability.redaction import redact, redact_data
from agentos.runtime.context import RunContext
from agentos.runtime.model_response import kept_step
from agentos.runtime.transcript import Transcript
from agentos.storage.sessions import SessionStore
from agentos.timers import TimerThread


class LiveRun:
    """The run as it is now, its events so far, and the one end that it comes to.

    Its agent's thread records; any thread may try to end it, and only the first succeeds. What is recorded after that
    is dropped.
    """

    def __init__(
        self,
        run: Run,
        timers: TimerThread,
        *,
        deadline: float,
        max_output: int,
        durable: bool = False,
        logged: int = 0,
        log_content: bool = False,
        sessions: SessionStore,
        max_state: int,
    ) -> None:
        self.run = run
        self.deadline = deadline
        self.stream = EventStream(timers, durable=durable, logged=logged)
        self.cancellation = Cancellation()
        self.transcript = Transcript()
        self.writer = LiveWriter(run, self.publish, self.tell, sessions, max_state=max_state)
        self._steps = StepRecorder()
        self._written = 0
        """Bytes of the custom and state events so far."""
        self._encoder = FrameEncoder(run)
        self._origin = Origin(run.id, run.agent_id, run.session_id, run.request_id)
        self._max_output = max_output
        self._log_content = log_content
        self._lock = threading.Lock()
        self._ending = False
        media = [media.describe() for media in run.media] or None
        self._begin(RunStart(run.input, run.session_id, media, run.attempt if logged else None))

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
        )

    def log_fields(self) -> dict[str, str | None]:
        """Return what a line of the log says of the run."""
        return {"run_id": self.run.id, "agent_id": self.run.agent_id, "request_id": self.run.request_id}

    def record(self, yielded: Yielded) -> None:
        """Take in what the agent yielded, several things at once. Raises the cause when the run has to stop."""
        self.cancellation.check()
        with self._lock:
            if self._ending:
                return
            frames: list[Frame] = []
            try:
                for item in yielded if isinstance(yielded, list) else (yielded,):
                    self._take(item, frames)
            finally:  # what came before a mistake was said
                self.stream.extend(frames)

    def tell(self) -> None:
        """Let observers see what was recorded. Does nothing: see :class:`~agentos.execution.observed.ObservedRun`."""

    def tell_end(self) -> None:
        """Let observers see how the run ended."""

    def _begin(self, start: RunStart) -> None:
        self.stream.append(self._encoder.encode(start, self.stream.next_number))

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
                self._add(item, frames)
                self._steps.add(item)
                if item.status != "started":
                    log_tool_call(self._origin, item, content=self._log_content)
            case Usage():
                check_usage(self.run.agent_id, item)
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

    def _add(self, event: Reasoning | ToolCall, frames: list[Frame]) -> None:
        self.transcript.apply(event)
        frames.append(self._encoder.encode(event, self._next_number(frames)))

    def publish(self, event: CustomEvent | StateEvent | Step) -> bool:
        """Take in what was written besides the answer, from any thread; return False if the run has ended.

        Raises :class:`~agentos.errors.AgentFailed` when all custom and state events are too much together.
        """
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

    def begin_end(self) -> bool:
        """Claim the right to end the run; nothing is recorded any more. False if another caller has it."""
        with self._lock:
            mine = not self._ending
            self._ending = True
            return mine

    def ended(self, failure: AgentOSError | None) -> tuple[Run, Frame]:
        """Return the run in its final state, and the frame that says so. Call after :meth:`begin_end`."""
        run = dataclasses.replace(
            self.run,
            status=_status(failure),
            content=self.transcript.output,
            reasoning=self.transcript.reasoning,
            model=self.transcript.model,
            finish_reason=self.transcript.finish_reason,
            usage=self.transcript.usage,
            loops=self.transcript.turns,
            steps=self._steps.ended(None if failure is None else failure.details.get("cause", failure.code)),
            ended_at=utc_now(),
            error=None if failure is None else run_error(failure, self.run.id),
        )
        return run, self._encoder.encode(terminal_event(run, self.transcript.tokens), self.stream.next_number)

    def turn_messages(self) -> Sequence[Message]:
        """Return the run as a whole turn for the session's history: from the user's words to an answer."""
        said = list(self.transcript.messages())
        if not said or said[-1].role != "assistant":
            said.append(Message("assistant", ""))
        return [Message("user", self.run.input, media=self.run.media), *said]


def run_error(failure: AgentOSError, run_id: str) -> RunError:
    """Return an error as it is kept with a run and shown to its clients: without secrets, which a server may echo."""
    return RunError(
        code=failure.code,
        error=failure.phrase,
        message=clean(redact(failure.message)),
        details={**_plain(redact_data(failure.details)), "run_id": run_id},
    )


def _plain(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return details as JSON that can be stored and sent; they may be other people's, and hold anything."""
    try:
        text = clean(json.dumps(details, default=str, ensure_ascii=False, skipkeys=True))
        plain: dict[str, Any] = json.loads(text, parse_int=lambda digits: int(digits) if len(digits) < 19 else digits)
    except Exception:  # noqa: BLE001 - a circle, or a value of other people that cannot say what it is
        return {}
    return plain


def _status(failure: AgentOSError | None) -> RunStatus:
    if failure is None:
        return RunStatus.COMPLETED
    return RunStatus.CANCELLED if isinstance(failure, RunCancelled) else RunStatus.FAILED


def terminal_event(run: Run, tokens: int) -> Complete | Error:
    """Return the event that ends a run's stream; ``tokens`` is how many token events it had."""
    if run.error is not None:
        return Error(run.error.error, run.error.message, run.error.code, run.error.details)
    return Complete(
        output=run.content or "",
        duration=run.duration or 0.0,
        usage=run.usage,
        token_count=tokens,
        loops=run.loops,
        reasoning=run.reasoning,
        model=run.model,
        finish_reason=run.finish_reason,
    )
