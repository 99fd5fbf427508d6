"""One tool call, from the model's wish to the outcome that the model reads."""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from agentos.cancellation import Cancellation
from agentos.domain.denied import Denied
from agentos.domain.event import ToolCallEvent, ToolCallStatus
from agentos.domain.message import ToolCall
from agentos.domain.text import clean, cut, shorten
from agentos.errors import InvalidRequest
from agentos.tools.context import ToolContext
from agentos.tools.isolation import IsolatedCallFailed, Isolation
from agentos.tools.results import error_text, result_text
from agentos.tools.tool import Tool

BeforeCall = Callable[[ToolCall, ToolContext], Denied | None]
"""What is asked before each tool call; ``None`` allows it."""

logger = logging.getLogger(__name__)

_NAMES_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended: with a ``result`` or an ``error``, both text that the model reads."""

    result: str | None = None
    error: str | None = None
    duration: float = 0.0


class Invocation:
    """A call under way. Made in the run's thread, it calls the tool in a thread of its own.

    ``refusal`` is set where the tool must not be called: it does not exist, its arguments are no JSON object, or the
    run said so from the start. Arguments are parsed once, here.
    ``before_call`` is asked, where there is one, when everything else speaks for the call. The call has a
    ``cancellation`` of its own, so that it can be cut off while the run continues.
    """

    def __init__(
        self,
        call: ToolCall,
        tools: Mapping[str, Tool],
        *,
        max_result_size: int,
        isolation: Isolation,
        before_call: BeforeCall | None = None,
        refusal: str | None = None,
    ) -> None:
        self.call = call
        self.tool = tools.get(call.name)
        self.refusal = refusal
        self.deadline = self.started = time.monotonic()
        self.thread: threading.Thread | None = None
        self.cancellation = Cancellation()
        self._max_result_size = max_result_size
        self._isolation = isolation
        self._before_call = before_call
        self._arguments: dict[str, Any] = {}
        self._shown: Any = cut(clean(call.arguments), max_result_size)
        self._name = shorten(clean(call.name), 200)
        if refusal is not None:
            return
        if self.tool is None:
            self.refusal = f"there is no tool {self._name!r}; {_existing(tools)}"
            return
        try:
            self._shown = self._arguments = self.tool.reader.parse(call.arguments)
        except InvalidRequest as error:
            self.refusal = error.message

    def event(self, outcome: Outcome | None = None) -> ToolCallEvent:
        """Return the event of the call's start or, with an outcome, of its end."""
        started = ToolCallEvent(self.call.id, self._name, self._shown, "started")
        if outcome is None:
            return started
        status: ToolCallStatus = "completed" if outcome.error is None else "failed"
        duration = round(outcome.duration, 6)
        return replace(started, status=status, result=outcome.result, error=outcome.error, duration=duration)

    def start(self, context: ToolContext, *, report: Callable[[Invocation, Outcome], None]) -> None:
        """Call the tool in a thread that hands its outcome to ``report``, once, unless there is a refusal."""
        # The thread logs under the request's id, which is in a context variable.
        run = contextvars.copy_context().run
        self.thread = threading.Thread(
            target=run, args=(self._work, context, report), name=f"tool-{self._name}", daemon=True
        )
        try:
            self.thread.start()
        except RuntimeError:
            logger.exception("no thread for a call of tool %r", self._name)
            self.refusal = "not called: the server is out of threads"

    def overdue(self) -> str:
        """Say that the call did not return in time."""
        late = f"tool {self._name!r} did not return within {self.deadline - self.started:.3g} s and was"
        if self.tool is not None and self.tool.isolated:
            return f"{late} stopped"
        return f"{late} given up; it may still take effect"

    def _work(self, context: ToolContext, report: Callable[[Invocation, Outcome], None]) -> None:
        own = replace(context, deadline=self.deadline, cancellation=self.cancellation)
        try:
            with context.cancellation.cutting(lambda: self.cancellation.cancel(context.cancellation.cause)):
                outcome = self._perform(own)
        except BaseException as error:  # a tool's SystemExit ends its call, not the run
            # One that was cut off raises the cause, which is no failure, and its outcome is not read.
            if error is not self.cancellation.cause:
                logger.warning("tool %r failed", self._name, exc_info=True, extra={"run_id": context.run_id})
            outcome = Outcome(error=f"tool {self._name!r} failed: {error_text(error)}")
        report(self, replace(outcome, duration=time.monotonic() - self.started))

    def _perform(self, context: ToolContext) -> Outcome:
        assert self.tool is not None
        try:
            # A copy: the tool may change what it is given, and the events must not show that.
            given = self.tool.bind(orjson.loads(orjson.dumps(self._arguments)), context)
        except InvalidRequest as error:
            return Outcome(error=error.message)
        if self._before_call is not None:
            denied = self._before_call(self.call, context)
            if denied is not None:
                return Outcome(error=f"tool {self._name!r} was not called, it is denied: {denied.reason}")
            # Who decides may take so long that the call was given up.
            context.cancellation.check()
        if not self.tool.isolated:
            return Outcome(result=cut(result_text(self.tool.function(**given)), self._max_result_size))
        try:
            return Outcome(result=self._isolation.call(self.tool, given, context, max_size=self._max_result_size))
        except IsolatedCallFailed as error:
            return Outcome(error=f"tool {self._name!r} {error}")
        except TimeoutError:
            return Outcome(error=self.overdue())


def _existing(tools: Mapping[str, Tool]) -> str:
    if not tools:
        return "there are no tools"
    names = sorted(tools)
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return f"the tools are {', '.join(names[:_NAMES_SHOWN])}{more}"
