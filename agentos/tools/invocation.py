"""One tool call, from the model's wish to the outcome that the model reads."""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from agentos.cancellation import Cancellation
from agentos.domain.denied import Denied
from agentos.domain.event import ToolCallEvent, ToolCallStatus
from agentos.domain.message import ToolCall
from agentos.domain.pending import Answer, Asked, PauseRequested, Pending, PendingAction, PendingKind
from agentos.domain.remembered import FindRemembered, RememberedDecision
from agentos.domain.text import clean, cut, shorten
from agentos.errors import AgentOSError, Forbidden, InvalidRequest
from agentos.observability.repeated import RepeatedLines
from agentos.observability.tracing import current_trace, set_trace
from agentos.tools.approval_rules import BeforeCall, needed_approval
from agentos.tools.call_step import CallAnswers, CallStep
from agentos.tools.caller import ToolCaller
from agentos.tools.client_tool import ClientTool
from agentos.tools.context import ToolContext
from agentos.tools.guest_calls import GuestCallFailed
from agentos.tools.isolation import IsolatedCallFailed
from agentos.tools.remembered import find_decision
from agentos.tools.results import error_text, result_text
from agentos.tools.tool import Tool

logger = logging.getLogger(__name__)

_NAMES_SHOWN = 50
_NOTE = 100  # more than the note that a result was cut is long, in bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended: with a ``result`` or an ``error``, both text that the model reads; or ``pending``, for now."""

    result: str | None = None
    error: str | None = None
    duration: float = 0.0
    pending: PendingAction | None = None


@dataclass(frozen=True, slots=True)
class CallSettings:
    """What is the same for all calls of a server."""

    max_result_size: int
    caller: ToolCaller
    before_call: BeforeCall | None
    pause_timeout: float | None
    find_remembered: FindRemembered
    failures: RepeatedLines = field(default_factory=lambda: RepeatedLines(logger))
    """A tool that is broken fails in every run: its lines are counted."""


Report = Callable[["Invocation", Outcome], None]


class Invocation:
    """A call under way. Made in the run's thread, it calls the tool in a thread of its own.

    ``refusal`` is set where the tool must not be called: it does not exist, its arguments are no JSON object, the
    run said so from the start, or it was decided so. Arguments are parsed once, here. The call has a
    ``cancellation`` of its own, so that it can be cut off while the run continues.
    """

    def __init__(
        self,
        call: ToolCall,
        tools: Mapping[str, Tool],
        step: CallStep,
        settings: CallSettings,
        *,
        agent_id: str,
        refusal: str | None = None,
    ) -> None:
        self.call = call
        self.tool = tools.get(call.name)
        self.refusal = refusal
        self.deadline = self.started = time.monotonic()
        self.thread: threading.Thread | None = None
        self.cancellation = Cancellation()
        self._settings = settings
        self._step = step
        self._answers: CallAnswers | None = None
        self._given: dict[str, Any] | None = None
        self._remembered: RememberedDecision | None = None
        self._shown: Any = cut(clean(call.arguments), settings.max_result_size)
        self._name = shorten(clean(call.name), 200)
        if refusal is not None:
            return
        if self.tool is None:
            self.refusal = f"there is no tool {self._name!r}; {_existing(tools)}"
            return
        try:
            arguments = self.tool.reader.parse(call.arguments)
        except InvalidRequest as error:
            self.refusal = self._refused(error).error
            return
        self._answers = CallAnswers(call, self.tool, arguments, step, agent_id=agent_id)
        self.call, self._shown = self._answers.call, self._answers.arguments
        if self._answers.refusal is not None:
            self.refusal = f"tool {self._name!r} was {self._answers.refusal}"

    @property
    def has_begun(self) -> bool:
        """Whether the event of its start was sent before a pause."""
        return self._answers is not None and self._answers.asked

    def event(self, outcome: Outcome | None = None) -> ToolCallEvent:
        """Return the event of the call's start or, with an outcome, of its end."""
        remembered = None if self._remembered is None else self._remembered.shown()
        started = ToolCallEvent(self.call.id, self._name, self._shown, "started", remembered=remembered)
        if outcome is None:
            return started
        status: ToolCallStatus = "completed" if outcome.error is None else "failed"
        duration = round(outcome.duration, 6)
        return replace(started, status=status, result=outcome.result, error=outcome.error, duration=duration)

    def ask(self, context: ToolContext, *, report: Report) -> None:
        """Find out in a thread whether the call may be made, and report; a denial becomes the refusal."""
        self._start_thread(self._decide, context, report)

    def start(self, context: ToolContext, *, report: Report) -> None:
        """Call the tool in a thread that hands its outcome to ``report``, once, unless there is a refusal.

        What a client executed is reported at once.
        """
        given = None if self._answers is None else self._answers.of_client
        if given is not None:
            report(self, _client_outcome(given, self._settings.max_result_size))
            return
        self._start_thread(self._perform, context, report)

    def overdue(self) -> str:
        """Say that the call did not return in time."""
        late = f"tool {self._name!r} did not return within {self.deadline - self.started:.3g} s and was"
        if self.tool is not None and self.tool.isolated:
            return f"{late} stopped"
        return f"{late} given up; it may still take effect"

    def undecided(self) -> str:
        """Say that it was not decided in time whether the call may be made."""
        late = f"what decides about it did not return within {self.deadline - self.started:.3g} s"
        return f"tool {self._name!r} was not called: {late}"

    def _start_thread(self, work: Callable[[ToolContext], Outcome], context: ToolContext, report: Report) -> None:
        # The thread logs and sends requests in the run's span, which is in a context variable.
        run = contextvars.copy_context().run
        self.thread = threading.Thread(
            target=run, args=(self._work, work, context, report), name=f"tool-{self._name}", daemon=True
        )
        try:
            self.thread.start()
        except RuntimeError:
            logger.exception("no thread for a call of tool %r", self._name)
            self.refusal = "not called: the server is out of threads"

    def _work(self, work: Callable[[ToolContext], Outcome], context: ToolContext, report: Report) -> None:
        own = replace(context, deadline=self.deadline, cancellation=self.cancellation)
        trace = current_trace()
        if trace is not None:  # this thread does nothing else
            set_trace(trace.tool_call(self.call.id))
        try:
            with context.cancellation.cutting(lambda: self.cancellation.cancel(context.cancellation.cause)):
                outcome = work(own)
        except PauseRequested as request:
            outcome = self._asked(request)
        except BaseException as error:  # noqa: BLE001 - a tool's SystemExit ends its call, not the run
            # One that was cut off raises the cause, which is no failure, and its outcome is not read.
            if error is not self.cancellation.cause:
                self._settings.failures.warning(
                    "tool %r failed",
                    self._name,
                    kind=f"{self._name} {type(error).__name__}",
                    exc_info=True,
                    extra={"run_id": context.run_id},
                )
            outcome = Outcome(error=f"tool {self._name!r} failed: {error_text(error)}")
        report(self, replace(outcome, duration=time.monotonic() - self.started))

    def _decide(self, context: ToolContext) -> Outcome:
        """Return what the call waits for, or why it is not made; neither of both where it may be made."""
        assert self.tool is not None
        assert self._answers is not None
        try:
            self._given = self._bind(context)
        except InvalidRequest as error:
            return self._refused(error)
        needed = needed_approval(
            self.call, self.tool, context, approve=self._step.approve, before_call=self._settings.before_call
        )
        if isinstance(needed, Denied):
            said = f"tool {self._name!r} was not called, it is denied: {needed.reason}"
            return self._refused(needed.error or Forbidden(said), said)
        if needed is not None and not self._answers.are_approved_by(needed.pending.approver):
            terms = replace(needed.pending, remember=needed.pending.remember and context.session_id is not None)
            remembered = find_decision(
                self.call, self.tool, Asked(terms, needed.rule), context, self._settings.find_remembered
            )
            if remembered is None:
                return self._wait(PendingKind.APPROVAL, terms, needed.rule)
            self._remembered = remembered
            if remembered.decision != "approve":
                said = f": {remembered.message}" if remembered.message else ""
                said = f"tool {self._name!r} was not called: it was rejected for this session{said}"
                return self._refused(Forbidden(said))
        if isinstance(self.tool, ClientTool) and self._answers.of_client is None:
            return self._wait(PendingKind.CLIENT_TOOL, Pending(expires_in=self.tool.timeout))
        return Outcome()

    def _refused(self, error: AgentOSError, said: str | None = None) -> Outcome:
        """Note why the call is not made; the model reads ``said``, or what the error says."""
        self._step.refused[self.call.id] = error
        return Outcome(error=said or error.message)

    def _bind(self, context: ToolContext) -> dict[str, Any]:
        assert self.tool is not None
        assert self._answers is not None
        # A copy: the tool may change what it is given, and the events must not show that.
        return self.tool.bind(orjson.loads(orjson.dumps(self._answers.arguments)), context)

    def _wait(self, kind: PendingKind, pending: Pending, rule: str | None = None) -> Outcome:
        assert self._answers is not None
        if not self._step.may_wait:
            what = "needs an approval" if kind is PendingKind.APPROVAL else "is executed by a client"
            return Outcome(error=f"tool {self._name!r} was not called: it {what}, for which only a run can wait")
        return Outcome(pending=self._answers.action(kind, pending, self._settings.pause_timeout, rule))

    def _asked(self, request: PauseRequested) -> Outcome:
        question = next((one for one in request.actions if one.kind is PendingKind.INPUT), None)
        if question is None or not self._step.may_wait:
            return Outcome(error=f"tool {self._name!r} failed: it asked for something that cannot be waited for")
        return Outcome(pending=question)

    def _perform(self, context: ToolContext) -> Outcome:
        assert self.tool is not None
        assert self._answers is not None
        if self._step.may_wait:
            questions = self._answers.questions(self._settings.pause_timeout)
            context = replace(context, questions=questions)
        try:
            given = self._bind(context) if self._given is None else self._given
        except InvalidRequest as error:
            return self._refused(error)
        if self.tool.context_parameter is not None:
            given[self.tool.context_parameter] = context
        try:
            return Outcome(result=self._settings.caller.call(self.tool, given, self._answers.arguments, context))
        except (IsolatedCallFailed, GuestCallFailed) as error:
            return Outcome(error=f"tool {self._name!r} {error}")
        except TimeoutError:
            if not self.tool.isolated:
                raise
            return Outcome(error=self.overdue())


def _client_outcome(given: Answer, max_size: int) -> Outcome:
    # It was cut when it was answered, and said so; what is longer was stored by another version.
    max_size += _NOTE
    if given.error is not None:
        return Outcome(error=cut(clean(given.error), max_size))
    return Outcome(result=cut(result_text(given.output), max_size))


def _existing(tools: Mapping[str, Tool]) -> str:
    if not tools:
        return "there are no tools"
    names = sorted(tools)
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return f"the tools are {', '.join(names[:_NAMES_SHOWN])}{more}"
