"""The SDK's events as those of the server."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from agentos_guest import Call, Event, ModelCall, Reasoning, Run, ToolCall, Usage
from agents import (
    FunctionTool,
    ItemHelpers,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    default_tool_error_function,
)
from agents.models import get_default_model

from .values import arguments_of, text_of

TEXT = frozenset({"response.output_text.delta", "response.refusal.delta"})
REASONING = frozenset({"response.reasoning_text.delta", "response.reasoning_summary_text.delta"})
ENDS = frozenset({"response.completed", "response.incomplete"})

REASONS = {"max_output_tokens": "length", "content_filter": "content_filter"}
"""Why a response of the API is incomplete, as the server names it."""

FAILED = default_tool_error_function(None, ValueError())
"""What the model reads of a tool that failed, also of an agent that is a tool: the SDK has no mark for these."""


def model_name(agent: Any, default: str = "") -> str:
    """Return ``provider:name`` of an agent's model. The SDK writes ``provider/name``, and means OpenAI without one."""
    model = agent.model
    if isinstance(model, (OpenAIChatCompletionsModel, OpenAIResponsesModel)):
        return f"openai:{model.model}"
    if model is None:
        model = default or get_default_model()
    elif not isinstance(model, str):
        model = getattr(model, "model", default)
    provider, separator, name = str(model).partition("/")
    if separator:
        return f"{provider}:{name}"
    return f"openai:{provider}" if provider else ""


class Translation:
    """Translates the events of one run, in their order."""

    def __init__(self, run: Run, failed_calls: set[str]) -> None:
        self.cut: str | None = None
        """Why the last response of a model is not complete: ``length`` or ``content_filter``."""
        self._run = run
        self._failed = failed_calls
        self._calls: dict[str, tuple[str, Any]] = {}
        self._started: dict[str, float] = {}
        self._text_came = False
        self._reasoning_came = False
        self._said = False
        """Whether there was text after the last result of a tool: what the run answers."""
        self._call_began = time.monotonic()
        self._first_token: float | None = None
        self._result: Any = None
        self._reported = Usage()

    def begin(self, result: Any) -> None:
        """Note the result that the events are of. After a pause, it counts the tokens of before again."""
        self._result = result
        total = _usage(result.context_wrapper.usage)
        self._reported = Usage(total.prompt, total.completion, total.reasoning, total.cached)

    @property
    def open_calls(self) -> dict[str, Any]:
        """The calls without a result: id, name and arguments, as JSON."""
        return {id: [name, arguments_of(arguments)] for id, (name, arguments) in self._calls.items()}

    def resume(self, calls: Mapping[str, Any]) -> Iterator[Event]:
        """Yield the start of the calls that were open: those that were approved, perhaps with other arguments."""
        answers = {answer.key: answer for answer in self._run.answers}
        for call_id, (name, arguments) in calls.items():
            answer = answers.get(call_id)
            if answer is not None and not answer.approved:
                self._failed.add(call_id)
            edited = None if answer is None else answer.arguments
            yield self._start(call_id, name, arguments if edited is None else dict(edited))

    def of(self, event: Any) -> Iterator[Event]:
        """Yield what an event means, which may be nothing."""
        if event.type == "raw_response_event":
            yield from self._of_model(event.data)
        elif event.type == "run_item_stream_event":
            yield from self._of_item(event.name, event.item)
        if event.type != "raw_response_event":
            self._call_began, self._first_token = time.monotonic(), None

    def end(self, result: Any) -> Iterator[Event]:
        """Yield what no event told: an output that no model said, and the tokens of agents that are tools of others."""
        output = None if self._said else result.final_output
        if output is not None and output != "":
            yield text_of(output)
        total = _usage(result.context_wrapper.usage)
        rest = Usage(
            max(0, total.prompt - self._reported.prompt),
            max(0, total.completion - self._reported.completion),
            max(0, total.reasoning - self._reported.reasoning),
        )
        if rest.prompt or rest.completion:
            yield rest

    def _of_model(self, data: Any) -> Iterator[Event]:
        if data.type in TEXT:
            self._text_came = self._said = True
            self._note_first_token()
            yield data.delta
        elif data.type in REASONING:
            self._reasoning_came = True
            self._note_first_token()
            yield Reasoning(data.delta)
        elif data.type in ENDS:
            yield from self._model_call(data.response)
        elif data.type.endswith(".delta") or data.type == "response.output_item.done":
            self._note_first_token()

    def _note_first_token(self) -> None:
        if self._first_token is None:
            self._first_token = time.monotonic() - self._call_began

    def _model_call(self, response: Any) -> Iterator[Event]:
        usage = None
        if response.usage is not None:
            usage = _usage(response.usage)
            self._reported = _sum(self._reported, usage)
            yield usage
        calls = [
            Call(item.call_id, item.name, item.arguments) for item in response.output if item.type == "function_call"
        ]
        self.cut = REASONS.get(getattr(response.incomplete_details, "reason", None) or "")
        yield ModelCall(
            model=model_name(self._result.last_agent, response.model),
            duration=time.monotonic() - self._call_began,
            time_to_first_token=self._first_token,
            finish_reason=self.cut or ("tool_calls" if calls else "stop"),
            usage=usage,
            calls=calls,
        )

    def _of_item(self, name: str, item: Any) -> Iterator[Event]:
        if name == "message_output_created":
            # A model of one's own may not stream.
            if not self._text_came and (text := ItemHelpers.text_message_output(item)):
                self._said = True
                yield text
            self._text_came = False
        elif name == "reasoning_item_created":
            if not self._reasoning_came and (text := _thoughts(item.raw_item)):
                yield Reasoning(text)
            self._reasoning_came = False
        elif name == "tool_called":
            if item.call_id and not _may_wait(item):
                yield self._start(item.call_id, item.tool_name or item.raw_item.type, _arguments_text(item.raw_item))
            elif item.call_id:
                self._calls[item.call_id] = (item.tool_name, _arguments_text(item.raw_item))
        elif name == "tool_output":
            yield from self._end(item.call_id, item.raw_item)
        elif name == "handoff_requested":
            yield self._start(item.raw_item.call_id, item.raw_item.name, item.raw_item.arguments)
        elif name == "handoff_occured":
            yield from self._end(item.raw_item["call_id"], item.raw_item)
            self._run.emit("handoff", {"from": item.source_agent.name, "to": item.target_agent.name})

    def _start(self, call_id: str, name: str, arguments: Any) -> ToolCall:
        parsed = arguments_of(arguments)
        self._calls[call_id] = (name, parsed)
        self._started[call_id] = time.monotonic()
        return ToolCall(call_id, name, parsed)

    def _end(self, call_id: str | None, raw_item: Any) -> Iterator[Event]:
        if call_id is None or call_id not in self._calls:
            return
        name, arguments = self._calls[call_id]
        if call_id not in self._started:
            # It could have had to wait for an approval, and did not.
            yield self._start(call_id, name, arguments)
        name, arguments = self._calls.pop(call_id)
        duration = time.monotonic() - self._started.pop(call_id)
        text = text_of(raw_item["output"] if isinstance(raw_item, dict) else raw_item.output)
        self._said = False
        if call_id in self._failed or text == FAILED:
            yield ToolCall(call_id, name, arguments, "failed", error=text, duration=duration)
        else:
            yield ToolCall(call_id, name, arguments, "completed", result=text, duration=duration)


def _may_wait(item: Any) -> bool:
    """Return whether a person may have to approve the call first. Its start is an event once it is sure to be made."""
    tools = [tool for tool in item.agent.tools if isinstance(tool, FunctionTool) and tool.name == item.tool_name]
    return any(tool.needs_approval for tool in tools)


def _arguments_text(raw_item: Any) -> Any:
    found = raw_item.get("arguments") if isinstance(raw_item, dict) else getattr(raw_item, "arguments", None)
    return found if found is not None else {}


def _thoughts(raw_item: Any) -> str:
    parts = [*(raw_item.content or ()), *(raw_item.summary or ())]
    return "".join(part.text for part in parts)


def _usage(usage: Any) -> Usage:
    """Return the usage of a response, or that of a run so far: both have the same names."""
    return Usage(
        usage.input_tokens or 0,
        usage.output_tokens or 0,
        getattr(usage.output_tokens_details, "reasoning_tokens", None) or 0,
        getattr(usage.input_tokens_details, "cached_tokens", None),
    )


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(
        one.prompt + other.prompt, one.completion + other.completion, one.reasoning + other.reasoning, one.cached
    )
