"""What happens in a run of the framework, as events of a guest."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import Any

import pydantic_core
from agentos_guest import Call, Event, ModelCall, Reasoning, Run, ToolCall, Usage
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.messages import (
    ERROR_OUTCOMES,
    CustomEvent,
    FunctionToolCallEvent,
    FunctionToolResultEvent,
    ModelResponse,
    NativeToolCallPart,
    NativeToolReturnPart,
    PartDeltaEvent,
    PartEndEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ThinkingPart,
    ThinkingPartDelta,
)
from pydantic_ai.run import AgentRunResultEvent
from pydantic_ai.tools import DeferredToolRequests
from pydantic_ai.usage import RunUsage

from .messages import arguments_of
from .pause import Resumed

_NOTHING = RunUsage()
_REASONS = {"tool_call": "tool_calls"}
"""Finish reasons that have another name at the server."""


class Observer(AbstractCapability[Any]):  # type: ignore[misc]  # its class is only in the guest's environment
    """Watches the calls to the model: the framework's events have none for them.

    ``finished`` are those that ended and were not yet sent. ``text_is_answer``: whether the model answers with text;
    else the answer is an object. ``deferred`` are the tools that run only after an approval, or elsewhere;
    ``output_tools`` those that the framework makes of the agent's ``output_type``.
    """

    def __init__(self) -> None:
        self.finished: list[tuple[ModelResponse, float, float | None]] = []
        self.text_is_answer = True
        self.deferred: frozenset[str] = frozenset()
        self.output_tools: frozenset[str] = frozenset()
        self.first_token: float | None = None

    async def wrap_model_request(self, ctx: Any, *, request_context: Any, handler: Any) -> ModelResponse:  # noqa: ARG002  # as the framework calls it
        """Measure a call."""
        parameters = request_context.model_request_parameters
        # "auto" becomes one of the modes for objects, by what the model can.
        is_object = parameters.output_mode in ("native", "prompted", "auto")
        self.text_is_answer = parameters.allow_text_output and not is_object
        self.deferred = frozenset(tool.name for tool in parameters.function_tools if tool.kind != "function")
        self.output_tools = frozenset(tool.name for tool in parameters.output_tools)
        self.first_token = None
        began = monotonic()
        response: ModelResponse = await handler(request_context)
        first = None if self.first_token is None else self.first_token - began
        self.finished.append((response, monotonic() - began, first))
        return response


class Translation:
    """Turns the events of one run into ours. ``started`` are the ids of the tool calls that were sent."""

    def __init__(self, run: Run, resumed: Resumed | None) -> None:
        self._run = run
        self._resumed = resumed
        self._began: dict[str, float] = {}
        self._arguments: dict[str, Any] = {}
        self._said_text = False
        self._counted = RunUsage()
        self.observer = Observer()
        self.started: set[str] = set(resumed.started) if resumed else set()

    def of(self, event: Any) -> Iterator[Event]:
        """Yield what one event of the framework means."""
        # A part of an answer comes before its call ends, everything else after.
        if isinstance(event, PartDeltaEvent):
            yield from self._piece(event.delta)
        elif isinstance(event, PartStartEvent):
            yield from self._piece(event.part)
        elif isinstance(event, PartEndEvent):
            yield from self._native_tool(event.part)
        else:
            yield from self._model_calls()
            yield from self._other(event)

    def _piece(self, piece: Any) -> Iterator[Event]:
        observer = self.observer
        if observer.first_token is None:
            observer.first_token = monotonic()
        text = thought = None
        if isinstance(piece, TextPartDelta):
            text = piece.content_delta
        elif isinstance(piece, TextPart):
            text = piece.content
        elif isinstance(piece, ThinkingPartDelta):
            thought = piece.content_delta
        elif isinstance(piece, ThinkingPart):
            thought = piece.content
        # Where the answer is an object it is sent whole, at the end: text beside it, and JSON that was not valid and
        # had to be written again, would spoil it.
        if text and observer.text_is_answer:
            self._said_text = True
            yield text
        elif thought:
            yield Reasoning(thought)

    def _native_tool(self, part: Any) -> Iterator[Event]:
        """Yield the calls of tools that run at the provider."""
        if isinstance(part, NativeToolCallPart):
            self._arguments[part.tool_call_id] = arguments_of(part)
            yield from self._start(part)
        elif isinstance(part, NativeToolReturnPart):
            yield from self._result(part)

    def _model_calls(self) -> Iterator[Event]:
        finished, self.observer.finished = self.observer.finished, []
        for response, duration, first_token in finished:
            usage = _usage(response.usage)
            model = response.model_id or response.model_name or ""
            reason = _REASONS.get(response.finish_reason or "", response.finish_reason)
            calls = [
                Call(part.tool_call_id, part.tool_name, part.args_as_json_str())
                for part in response.tool_calls
                if part.tool_name not in self.observer.output_tools
            ]
            yield ModelCall(model, duration, first_token, reason, usage, calls)
            self._counted.incr(response.usage)
            yield usage

    def _other(self, event: Any) -> Iterator[Event]:
        if isinstance(event, FunctionToolCallEvent):
            call = event.part
            changed = self._resumed.changed.get(call.tool_call_id) if self._resumed else None
            self._arguments[call.tool_call_id] = arguments_of(call) if changed is None else changed
            self._began[call.tool_call_id] = monotonic()
            # In a run that continues no model was called yet: its calls have their answers, and start.
            if call.tool_name not in self.observer.deferred:
                yield from self._start(call)
        elif isinstance(event, FunctionToolResultEvent):
            yield from self._result(event.part)
        elif isinstance(event, CustomEvent):
            if type(event).ui:
                self._run.emit(event.name, pydantic_core.to_jsonable_python(event.to_payload()))
        elif isinstance(event, AgentRunResultEvent):
            # What agents in tools used, and models that failed before another one answered.
            rest = _usage(event.result.usage, self._counted)
            if rest.prompt or rest.completion:
                yield rest
            yield from self._answer(event.result)

    def _start(self, part: Any) -> Iterator[Event]:
        if part.tool_call_id not in self.started:
            self.started.add(part.tool_call_id)
            yield ToolCall(part.tool_call_id, part.tool_name, self._arguments.get(part.tool_call_id, {}))

    def _result(self, part: Any) -> Iterator[Event]:
        # A call that waits has not started yet where a capability of the agent decided it at once.
        yield from self._start(part)
        id_ = part.tool_call_id
        self.started.discard(id_)  # a model may use it again
        began = self._began.get(id_)
        text = part.model_response_str(wrap_if_error=False)
        failed = part.outcome in ERROR_OUTCOMES or part.outcome == "denied"
        yield ToolCall(
            id_,
            part.tool_name,
            self._arguments.get(id_, {}),
            "failed" if failed else "completed",
            result=None if failed else text,
            error=text if failed else None,
            duration=None if began is None else monotonic() - began,
        )

    def _answer(self, result: Any) -> Iterator[Event]:
        """Yield an answer that did not come as text."""
        output = result.output
        if isinstance(output, DeferredToolRequests) or output is None:
            return
        by_tool = any(part.tool_name in self.observer.output_tools for part in result.response.tool_calls)
        if self._said_text and not by_tool:
            return
        if self._said_text:
            yield "\n\n"
        yield output if isinstance(output, str) else pydantic_core.to_json(output).decode()


def _usage(used: Any, counted: Any = _NOTHING) -> Usage:
    """Return the tokens that were used and are not counted yet. A capability may have changed what was counted."""
    names = ("input_tokens", "output_tokens", "output_reasoning_tokens", "cache_read_tokens")
    prompt, completion, reasoning, cached = (max(getattr(used, one) - getattr(counted, one), 0) for one in names)
    return Usage(prompt, completion, reasoning, cached or None)
