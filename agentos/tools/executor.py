"""Execution of the tool calls of one turn: at once, in order of their starts, none of them able to hold the run."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from queue import Empty, SimpleQueue

from agentos.domain.event import ToolCallEvent
from agentos.domain.message import ToolCall
from agentos.domain.remembered import FindRemembered, remembers_nothing
from agentos.errors import AgentOSError, RunTimeout
from agentos.observability.repeated import RepeatedLines
from agentos.tools.approval_rules import BeforeCall
from agentos.tools.call_step import CallStep
from agentos.tools.caller import ToolCaller
from agentos.tools.client_tool import ClientTool
from agentos.tools.context import ToolContext
from agentos.tools.guest_calls import GuestCalls, NoGuestCalls
from agentos.tools.invocation import CallSettings, Invocation, Outcome
from agentos.tools.isolation import Isolation
from agentos.tools.tool import Tool

NO_REFUSALS: Mapping[str, str] = {}

logger = logging.getLogger(__name__)


@dataclass(eq=False)
class ToolExecutor:
    """Executes the calls of a turn concurrently, in daemon threads; under gevent these are greenlets.

    ``default_timeout`` (seconds) holds for tools without their own. Results longer than ``max_result_size`` (bytes) are
    cut, with a note. Of one turn, ``max_concurrent`` calls run at once and ``max_calls`` run at all. A tool that does
    not return in time continues in its thread, and its result is not used; while ``max_abandoned`` calls of one
    tool do, no other call of it is started. ``isolation`` calls the tools that are isolated; ``before_call`` is asked
    before each call, and may deny it or have it approved. What a call waits for expires after ``pause_timeout``
    seconds; ``None`` and 0 are without limit. ``find_remembered`` is asked before a call waits for an approval that may
    be remembered. ``guests`` calls the tools that need an event loop. One instance serves all runs of a worker.
    """

    default_timeout: float = 30.0
    max_result_size: int = 64 * 1024
    _: KW_ONLY
    max_concurrent: int = 8
    max_calls: int = 64
    max_abandoned: int = 32
    isolation: Isolation | None = None
    before_call: BeforeCall | None = None
    pause_timeout: float | None = None
    find_remembered: FindRemembered = remembers_nothing
    guests: GuestCalls = field(default_factory=NoGuestCalls)

    def __post_init__(self) -> None:
        self._refusals = RepeatedLines(logger)
        self._settings = CallSettings(
            self.max_result_size,
            ToolCaller(self.isolation or Isolation(), self.guests, self.max_result_size),
            self.before_call,
            self.pause_timeout,
            self.find_remembered,
        )
        self._abandoned: dict[str, list[threading.Thread]] = {}
        self._lock = threading.Lock()

    def execute(
        self,
        calls: Sequence[ToolCall],
        tools: Mapping[str, Tool],
        context: ToolContext,
        *,
        refusals: Mapping[str, str] = NO_REFUSALS,
        step: CallStep | None = None,
    ) -> Iterator[ToolCallEvent]:
        """Yield a ``started`` event for each call, in order, then ``completed`` or ``failed`` for each as it ends.

        ``refusals`` says, by call id, why a call must not be made. What goes wrong with a call
        becomes the ``error`` of its event, which the model reads. Nothing is raised but the cause of
        ``context.cancellation``, at once, also while tools work.

        Where anything decides about calls, it is asked about all of them before the first one starts. A call that has
        to wait has no event; of one that asks a question, the end comes after the answer. ``step.pending`` then has,
        in the order of the calls, what they wait for. Without a ``step``, such a call fails.
        """
        step = step or CallStep(turn=0, may_wait=False)
        invocations: Iterable[Invocation] = self._invocations(calls, tools, context, step, refusals)
        if self._has_to_ask(calls, tools, step):
            invocations = self._decided(list(invocations), context, step)
        turn = _Turn(context, begin=Invocation.start)
        try:
            for invocation in invocations:
                context.cancellation.check()
                if not invocation.has_begun:
                    yield invocation.event()
                turn.waiting.append(invocation)
                self._start(turn)
            while turn.running:
                context.cancellation.check()
                for invocation, outcome in turn.ended() + self._give_up(turn):
                    if outcome.pending is not None:
                        step.pending.append(outcome.pending)
                        continue
                    yield invocation.event(outcome)
                    context.cancellation.check()
                self._start(turn)
        finally:
            self._abandon_all(turn)
        if step.pending:
            places = {call.id: number for number, call in enumerate(calls)}
            step.pending.sort(key=lambda action: places[action.call.id])

    def _invocations(
        self,
        calls: Sequence[ToolCall],
        tools: Mapping[str, Tool],
        context: ToolContext,
        step: CallStep,
        refusals: Mapping[str, str],
    ) -> Iterator[Invocation]:
        for number, call in enumerate(calls):
            refusal = refusals.get(call.id)
            if number >= self.max_calls:
                refusal = f"not called: one turn may call at most {self.max_calls} tools"
            yield Invocation(call, tools, step, self._settings, agent_id=context.agent_id, refusal=refusal)

    def _has_to_ask(self, calls: Sequence[ToolCall], tools: Mapping[str, Tool], step: CallStep) -> bool:
        if self.before_call is not None or step.actions:
            return True
        called = (tools.get(call.name) for call in calls)
        return any(
            tool is not None and (tool.needs_approval or tool.name in step.approve or isinstance(tool, ClientTool))
            for tool in called
        )

    def _decided(self, invocations: list[Invocation], context: ToolContext, step: CallStep) -> list[Invocation]:
        """Ask about all calls at once; return those that do not have to wait, some of them with a refusal."""
        turn = _Turn(context, begin=Invocation.ask)
        turn.waiting.extend(one for one in invocations if one.refusal is None)
        waits: set[Invocation] = set()
        try:
            self._start(turn)
            while turn.running:
                context.cancellation.check()
                for invocation, outcome in turn.ended():
                    invocation.refusal = outcome.error
                    if outcome.pending is not None:
                        step.pending.append(outcome.pending)
                        waits.add(invocation)
                for invocation, _ in self._give_up(turn):
                    invocation.refusal = invocation.undecided()
                self._start(turn)
            context.cancellation.check()
        finally:
            self._abandon_all(turn)
        for invocation in invocations:
            invocation.thread = None
        return [invocation for invocation in invocations if invocation not in waits]

    def _start(self, turn: _Turn) -> None:
        while turn.waiting and len(turn.running) < self.max_concurrent:
            invocation = turn.waiting.popleft()
            turn.running.append(invocation)
            own = invocation.tool.timeout if invocation.tool else None
            invocation.started = time.monotonic()
            invocation.deadline = min(
                invocation.started + (self.default_timeout if own is None else own), turn.context.deadline
            )
            if invocation.refusal is None:
                invocation.refusal = self._objection(invocation)
            if invocation.refusal is None:
                turn.begin(invocation)
            if invocation.refusal is not None:
                turn.report(invocation, Outcome(error=invocation.refusal))

    def _objection(self, invocation: Invocation) -> str | None:
        """Say why a call that the model may make is not made now."""
        if invocation.deadline <= invocation.started:
            return "not called: the run has no time left"
        name = invocation.call.name
        with self._lock:
            alive = [thread for thread in self._abandoned.pop(name, ()) if thread.is_alive()]
            if alive:
                self._abandoned[name] = alive
        if len(alive) >= self.max_abandoned:
            refusal = "tool %r is not called: %d calls of it have not returned"
            self._refusals.log(logging.ERROR, refusal, name, len(alive), kind=name)
            return f"not called: {len(alive)} earlier calls of tool {name!r} have not returned"
        return None

    def _give_up(self, turn: _Turn) -> list[tuple[Invocation, Outcome]]:
        """Abandon what is overdue, and return it with its outcome."""
        now = time.monotonic()
        overdue = [invocation for invocation in turn.running if invocation.deadline <= now]
        for invocation in overdue:
            turn.running.remove(invocation)
            self._abandon(invocation, RunTimeout("the tool call did not return in time"))
        return [(one, Outcome(error=one.overdue(), duration=now - one.started)) for one in overdue]

    def _abandon_all(self, turn: _Turn) -> None:
        for invocation in turn.running:
            self._abandon(invocation, turn.context.cancellation.cause or RunTimeout("no run waits for this call"))

    def _abandon(self, invocation: Invocation, cause: AgentOSError) -> None:
        if invocation.thread is None:
            return
        with self._lock:
            self._abandoned.setdefault(invocation.call.name, []).append(invocation.thread)
        invocation.cancellation.cancel(cause)


class _Turn:
    """The calls of one turn: those that wait for a place, those that run, and what they report."""

    def __init__(self, context: ToolContext, begin: Callable[..., None]) -> None:
        self.context = context
        self._begin = begin
        self.waiting: deque[Invocation] = deque()
        self.running: list[Invocation] = []
        self._reports: SimpleQueue[tuple[Invocation, Outcome] | None] = SimpleQueue()

    def begin(self, invocation: Invocation) -> None:
        """Let a call begin what this is for."""
        self._begin(invocation, self.context, report=self.report)

    def report(self, invocation: Invocation, outcome: Outcome) -> None:
        """Take the outcome of a call; called from its thread."""
        self._reports.put((invocation, outcome))

    def ended(self) -> list[tuple[Invocation, Outcome]]:
        """Wait until a call ends, is overdue, or the run has to stop; return and forget all that have ended.

        All, because a call that ended in time must not count as overdue only because its report was read late.
        """
        first = min(invocation.deadline for invocation in self.running)
        reports = []
        with self.context.cancellation.cutting(lambda: self._reports.put(None)):
            try:
                reports.append(self._reports.get(timeout=max(0.0, first - time.monotonic())))
                while True:
                    reports.append(self._reports.get_nowait())
            except Empty:
                pass
        ended = []
        for report in reports:
            # A call that reports after it was given up is ignored.
            if report is not None and report[0] in self.running:
                self.running.remove(report[0])
                ended.append(report)
        return ended
