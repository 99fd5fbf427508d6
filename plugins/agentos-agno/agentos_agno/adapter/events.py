"""Agno's events as ours."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import Any

from agentos_guest import Event, ModelCall, Reasoning, Run, ToolCall, Usage
from agno.run.agent import CustomEvent
from agno.run.team import CustomEvent as TeamCustomEvent
from pydantic import BaseModel

from .failures import failure
from .state import as_json

MEMBER = "member"
"""The name of the custom events that say what a team's members do."""


class Translation:
    """What one run's events become. Events of a team's members are custom events; the leader's are the run's.

    ``counted`` are the tokens that were reported, prompt and completion; a pause carries them over. ``runs`` are the
    ids of the run and of its members' runs so far.
    """

    def __init__(self, run: Run) -> None:
        self.counted = (0, 0)
        self.has_text = False
        self.runs = {run.id}
        self.failure: Exception | None = None
        self._run = run
        self._started: dict[str, float] = {}

    def events(self, event: Any) -> Iterator[Event]:
        """Yield ours of one of Agno's."""
        if isinstance(event, CustomEvent | TeamCustomEvent):
            self._run.emit(type(event).__name__, _custom(event))
            return
        if event.run_id:
            self.runs.add(event.run_id)
        # A team has the same events as an agent, with a word before their names.
        name = event.event.removeprefix("Team")
        if name == "ModelRequestStarted":
            self._started[event.run_id or ""] = time.monotonic()
        elif name == "ModelRequestCompleted":
            yield from self._model_call(event)
        elif event.run_id and event.run_id != self._run.id:
            for ours in _said(name, event):
                member = getattr(event, "agent_id", None) or getattr(event, "team_id", None)
                self._run.emit(MEMBER, of_member(member, event.run_id, ours))
        elif name == "RunError":
            self.failure = failure(event)
        elif name == "FollowupsCompleted":
            self._run.emit("followups", list(event.followups or ()))
        else:
            for ours in _said(name, event):
                self.has_text = self.has_text or isinstance(ours, str)
                yield ours

    def rest(self, output: Any) -> Iterator[Event]:
        """Yield at the end what no event had: the answer, where it was not streamed, and tokens of Agno's helpers.

        Memories, summaries and parsers call models too. These calls are in the sums of the run alone.
        """
        if not self.has_text and not output.is_paused and output.content is not None:
            self.has_text = True
            yield _text(output.content)
        if output.metrics is not None:
            prompt = output.metrics.input_tokens - self.counted[0]
            completion = output.metrics.output_tokens - self.counted[1]
            if prompt > 0 or completion > 0:
                yield self._count(Usage(max(prompt, 0), max(completion, 0)))

    def _model_call(self, event: Any) -> Iterator[Event]:
        usage = Usage(
            event.input_tokens or 0, event.output_tokens or 0, event.reasoning_tokens or 0, event.cache_read_tokens
        )
        started = self._started.pop(event.run_id or "", None)
        if usage.prompt or usage.completion:
            yield self._count(usage)
        yield ModelCall(
            f"{(event.model_provider or '').lower()}:{event.model}",
            duration=0.0 if started is None else time.monotonic() - started,
            time_to_first_token=event.time_to_first_token,
            usage=usage,
        )

    def _count(self, usage: Usage) -> Usage:
        self.counted = (self.counted[0] + usage.prompt, self.counted[1] + usage.completion)
        return usage


def _said(name: str, event: Any) -> Iterator[Event]:
    """Yield what an agent says and does in this event."""
    if name == "RunContent":
        if event.reasoning_content:
            yield Reasoning(event.reasoning_content)
        if event.content is not None and event.content != "":
            yield _text(event.content)
    elif name == "ReasoningContentDelta":
        yield Reasoning(event.reasoning_content)
    elif name == "ReasoningStep":
        yield Reasoning(_step(event.content))
    elif name in ("ToolCallStarted", "ToolCallCompleted") and event.tool is not None:
        yield _tool_call(event.tool, started=name == "ToolCallStarted")


def _tool_call(tool: Any, *, started: bool) -> ToolCall:
    identity, name, arguments = tool.tool_call_id or "", tool.tool_name or "", as_json(tool.tool_args or {})
    if started:
        return ToolCall(identity, name, arguments)
    result = None if tool.result is None else _text(tool.result)
    duration = None if tool.metrics is None else tool.metrics.duration
    if tool.tool_call_error:
        return ToolCall(identity, name, arguments, "failed", error=result or "the tool failed", duration=duration)
    return ToolCall(identity, name, arguments, "completed", result=result or "", duration=duration)


def of_member(member: str | None, run_id: str | None, said: Event) -> dict[str, Any]:
    """Return the data of a custom event for what a member says or does."""
    about = {"member": member, "member_run_id": run_id}
    if isinstance(said, str):
        return {**about, "type": "text", "content": said}
    kind = "reasoning" if isinstance(said, Reasoning) else "tool_call"
    return {**about, "type": kind, **{name: value for name, value in asdict(said).items() if value is not None}}


def _custom(event: Any) -> dict[str, Any]:
    """Return what a custom event of a tool has besides what all events of Agno have."""
    usual = {field.name for base in (CustomEvent, TeamCustomEvent) for field in fields(base)}
    return dict(as_json({name: value for name, value in vars(event).items() if name not in usual}))


def _text(content: Any) -> str:
    """Return a piece of an answer as text: structured output is JSON."""
    if isinstance(content, str):
        return content
    if isinstance(content, BaseModel):
        return content.model_dump_json()
    return json.dumps(content, ensure_ascii=False, default=str)


def _step(step: Any) -> str:
    """Return a step of Agno's own reasoning as text."""
    parts = [getattr(step, name, None) for name in ("title", "reasoning", "action", "result")]
    return "\n".join(str(part) for part in parts if part) + "\n"
