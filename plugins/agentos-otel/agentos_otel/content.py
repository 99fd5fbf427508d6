"""What users, models and tools said, where it may be in spans: without secrets, and of a bounded length."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from agentos import Run, ToolCallEvent, redact
from agentos_otel import names
from agentos_otel.values import LONGEST, cut

MOST_RUNS = 1000
"""Runs with tool calls that are kept until the run ends; the oldest are forgotten first: those that wait in a pause."""

MOST_CALLS = 100
"""Tool calls of one run that are remembered: as many as its record has."""


@dataclass(frozen=True, slots=True)
class Content:
    """Makes contents ready for spans. ``length`` is the most characters of a text."""

    length: int = LONGEST

    def said(self, text: str) -> str:
        """Return a text without secrets, cut. What is cut off is not looked at, but for what a secret may need."""
        return cut(redact(text[: 2 * self.length]), self.length)

    def messages(self, run: Run) -> Mapping[str, str]:
        """Return what a run was asked and answered."""
        found = {names.INPUT_MESSAGES: self._message("user", run.input)}
        if run.content:
            ended = {} if run.finish_reason is None else {"finish_reason": run.finish_reason}
            found[names.OUTPUT_MESSAGES] = self._message("assistant", run.content, **ended)
        return found

    def _message(self, role: str, text: str, **more: str) -> str:
        """Return a list with one message as JSON, its text cut so that all of it is not too long."""
        said, document = self.said(text), ""
        for length in (self.length, self.length // 2, self.length // 8):  # JSON writes up to six characters for one
            part = {"type": "text", "content": said[:length]}
            document = json.dumps([{"role": role, "parts": [part], **more}], ensure_ascii=False)
            if len(document) <= self.length:
                break
        return document


@dataclass(frozen=True, slots=True)
class CallContent:
    """What a tool was given and returned."""

    arguments: str
    result: str


@dataclass(slots=True)
class CallContents:
    """Remembers the contents of tool calls until their runs end."""

    content: Content = field(default_factory=Content)
    _runs: dict[str, dict[str, CallContent]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def keep(self, run: Run, event: ToolCallEvent) -> None:
        """Keep those of a call that has ended."""
        arguments = event.arguments if isinstance(event.arguments, str) else json.dumps(event.arguments, default=str)
        content = CallContent(self.content.said(arguments), self.content.said(str(event.result or event.error or "")))
        with self._lock:
            calls = self._runs.setdefault(run.id, {})
            if len(calls) < MOST_CALLS:
                calls[event.tool_call_id] = content
            if len(self._runs) > MOST_RUNS:
                del self._runs[next(iter(self._runs))]

    def take(self, run: Run) -> Mapping[str, CallContent]:
        """Return those of a run's calls, and forget them."""
        with self._lock:
            return self._runs.pop(run.id, {})
