"""CrewAI's events as those of the server. They come in the threads in which the crew works."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from agentos_guest import Event, ModelCall, Reasoning, ToolCall, Usage
from crewai.llms.base_llm import BaseLLM

ANSWER = "Final Answer:"
"""What comes before the answer of an agent that calls its tools by text; what is before it are its thoughts."""


@dataclass(frozen=True)
class Note:
    """A ``custom`` event."""

    name: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Ended:
    """The crew has ended, with a result or an error."""

    result: Any = None
    error: BaseException | None = None


@dataclass
class Call:
    """A call to a model that is under way. ``tail`` is the end of its text, while its answer has not begun."""

    began: float
    by_text: bool
    answering: bool
    first: float | None = None
    tail: str = ""


def model_name(llm: Any) -> str:
    """Return ``provider:name`` of a model. CrewAI writes ``provider/name``, or has the provider beside it."""
    name = str(getattr(llm, "model", llm) or "")
    provider, separator, rest = name.partition("/")
    if separator:
        return f"{provider}:{rest}"
    return f"{getattr(llm, 'provider', None) or 'openai'}:{name}" if name else ""


class Translation:
    """Translates the events of one run, and sends what they mean. Its methods may be called in any thread."""

    def __init__(self, crew: Any, send: Callable[[Event | Note], None]) -> None:
        self._send = send
        self._last_task = crew.tasks[-1]
        self._numbers = {str(task.id): number for number, task in enumerate(crew.tasks, 1)}
        self._held = any(
            getattr(self._last_task, name, None)
            for name in ("output_json", "output_pydantic", "response_model", "guardrail", "guardrails")
        )
        """Whether the answer may differ from what the model says: it is checked, or made into an object."""
        agents = [*crew.agents, *([crew.manager_agent] if crew.manager_agent else [])]
        self._models = {id(agent.llm): agent.llm for agent in agents if isinstance(agent.llm, BaseLLM)}
        self._counted = self._count()
        self._calls: dict[str, Call] = {}
        self._tools: dict[str, ToolCall] = {}
        self._task_id = ""
        self._said = False
        self._lock = threading.Lock()

    def on_event(self, source: Any, event: Any) -> None:
        """Send what an event of CrewAI means. It is published in the thread that does the work."""
        with self._lock:
            match event.type:
                case "llm_stream_chunk":
                    self._chunk(event)
                case "llm_thinking_chunk":
                    self._thought(event)
                case "llm_call_started":
                    self._call_started(event)
                case "llm_call_completed":
                    self._call_completed(source, event)
                case "tool_usage_started":
                    self._tool_started(event)
                case "tool_usage_finished" | "tool_usage_error":
                    self._tool_ended(event)
                case "task_started" | "task_completed" | "task_failed":
                    self._task(source, event)

    def end(self, result: Any) -> Iterator[Event]:
        """Yield the answer, where none was streamed, and the tokens that no call told of."""
        if not self._said:
            yield _answer(result)
        usage = self._usage()
        if usage.prompt or usage.completion:
            yield usage

    def _task(self, task: Any, event: Any) -> None:
        status = event.type.removeprefix("task_")
        if status == "started":
            self._task_id = str(task.id)
        # Without the description: it has what the user said in it.
        agent = getattr(getattr(task, "agent", None), "role", "")
        number = self._numbers.get(str(task.id), 0)
        data = {"number": number, "of": len(self._numbers), "name": task.name or "", "agent": agent, "status": status}
        self._send(Note("task", data))

    def _call_started(self, event: Any) -> None:
        by_text = not event.tools and ANSWER in str(event.messages)
        task_id = event.task_id or self._task_id
        answering = not self._held and task_id == str(self._last_task.id)
        self._calls[event.call_id] = Call(time.monotonic(), by_text, answering)

    def _chunk(self, event: Any) -> None:
        call = self._calls.get(event.call_id)
        if call is None or event.tool_call is not None or not event.chunk:
            return
        call.first = call.first or time.monotonic()
        if not call.answering:
            self._send(Reasoning(event.chunk))
        elif call.by_text:
            self._split(call, event.chunk)
        else:
            self._say(event.chunk)

    def _split(self, call: Call, chunk: str) -> None:
        text = call.tail + chunk
        thought, found, answer = text.partition(ANSWER)
        if not found:
            kept = len(ANSWER) - 1
            thought, call.tail = text[:-kept], text[-kept:]
        else:
            call.by_text, call.tail = False, ""
        if thought:
            self._send(Reasoning(thought))
        self._say(answer.lstrip())

    def _say(self, text: str) -> None:
        if text:
            self._said = True
            self._send(text)

    def _thought(self, event: Any) -> None:
        if event.chunk:
            self._send(Reasoning(event.chunk))

    def _call_completed(self, source: Any, event: Any) -> None:
        call = self._calls.pop(event.call_id, None)
        if call is None:
            return
        if call.tail:
            self._send(Reasoning(call.tail))
        usage = self._usage()
        self._send(usage)
        by_calls = event.call_type.value == "tool_call"
        self._send(
            ModelCall(
                model=model_name(source),
                duration=time.monotonic() - call.began,
                time_to_first_token=None if call.first is None else call.first - call.began,
                finish_reason=event.finish_reason or ("tool_calls" if by_calls else "stop"),
                usage=usage,
            )
        )

    def _tool_started(self, event: Any) -> None:
        call = ToolCall(event.event_id, event.tool_name, _arguments(event.tool_args))
        self._tools[event.event_id] = call
        self._send(call)

    def _tool_ended(self, event: Any) -> None:
        call = self._tools.pop(event.started_event_id or "", None)
        if call is None:
            return
        self._said = False
        error = getattr(event, "error", None) or getattr(event, "failure", None)
        duration = (event.finished_at - event.started_at).total_seconds() if hasattr(event, "finished_at") else None
        if error is None:
            ended = ToolCall(call.id, call.name, call.arguments, "completed", _text(event.output), duration=duration)
        else:
            ended = ToolCall(call.id, call.name, call.arguments, "failed", error="the tool failed", duration=duration)
        self._send(ended)

    def _usage(self) -> Usage:
        """Return the tokens since this was asked before. The counters of a model only ever grow."""
        before, self._counted = self._counted, self._count()
        prompt, completion, reasoning, cached = (now - then for now, then in zip(self._counted, before, strict=True))
        return Usage(prompt, completion, reasoning, cached)

    def _count(self) -> tuple[int, int, int, int]:
        counts = [model.get_token_usage_summary() for model in self._models.values()]
        return (
            sum(count.prompt_tokens for count in counts),
            sum(count.completion_tokens for count in counts),
            sum(count.reasoning_tokens for count in counts),
            sum(count.cached_prompt_tokens for count in counts),
        )


def _arguments(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    try:
        value = json.loads(given)
    except ValueError:
        return given
    return value if isinstance(value, dict) else given


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _answer(result: Any) -> str:
    if result.pydantic is not None:
        return str(result.pydantic.model_dump_json())
    return json.dumps(result.json_dict) if result.json_dict is not None else str(result.raw)
