"""One answer of a run, read from its events: from the beginning, or from a pause, to the run's next stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from agentos import PendingKind
from agentos.web import Frame, event_data, token_json
from agentos_openai_api import WAITING_TEXT
from agentos_openai_api.chat.forms import usage_json
from agentos_openai_api.chat.waiting import waiting_text
from agentos_openai_api.ids import MOST_CALLS, tool_call_id

BETWEEN_TURNS = orjson.dumps("\n\n")
"""Stands between two texts of the agent with calls of its tools between them."""

FINISH_REASONS = frozenset({"stop", "length", "content_filter"})

NO_USAGE: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer, as JSON."""

    json: bytes


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of the reasoning, or what is shown of the agent's tools."""

    text: str


@dataclass(frozen=True, slots=True)
class Calls:
    """What the client has to execute."""

    calls: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class StartedOver:
    """Another worker executes the run from an earlier point: what was said does not count."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The answer is whole."""

    finish_reason: str
    usage: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Failed:
    """The run did not complete; ``error`` is the event's data."""

    error: Mapping[str, Any]


Part = Text | Thought | Calls | StartedOver | Ended | Failed


class AnswerReader:
    """Reads the parts of an answer from the frames of a run, from the first one on.

    With ``after_action``, the answer begins when the pause in which that action was pending has ended; else with the
    run. With ``show_tools``, calls of the agent's own tools are thoughts. ``waiting`` is the text for a run that waits
    for a person, as :func:`~agentos_openai_api.chat.waiting.waiting_text` takes it.
    """

    def __init__(
        self, *, after_action: str | None = None, show_tools: bool = False, waiting: str | None = WAITING_TEXT
    ) -> None:
        self._waiting = waiting
        self._after_action = after_action
        self._show_tools = show_tools
        self._found = after_action is None
        self._actions = 0
        self._spoke = False
        self._called = False
        self._used = NO_USAGE
        self._of_client: set[str] = set()
        self.run_id = ""
        self.created = ""
        """The time at which the answer began; empty before that."""
        self.over = False
        """Whether nothing belongs to the answer any more."""
        self.speaks = False
        """Whether the text of a next token is a piece of the answer as it is."""

    def read(self, frame: Frame) -> Sequence[Part]:
        """Return what a frame adds to the answer."""
        if self.over:
            return ()
        if not self.created:
            self._begin(frame)
            if not self.created:
                return ()
        match frame.type:
            case "token":
                return self._token(frame)
            case "reasoning":
                return self._thought(event_data(frame)["content"])
            case "tool_call":
                return self._tool_call(event_data(frame))
            case "run_start":
                return (StartedOver(),) if event_data(frame).get("attempt") else ()
            case "paused":
                return self._paused(event_data(frame))
            case "complete":
                return self._complete(event_data(frame))
            case "error":
                self.end()
                return (Failed(event_data(frame)),)
        return ()

    def end(self) -> None:
        """Read nothing more."""
        self.over, self.speaks = True, False

    def forget(self) -> None:
        """Begin the answer again: what was said does not count."""
        self._spoke = self._called = self.speaks = False

    def _begin(self, frame: Frame) -> None:
        """Look for the frame with which the answer begins."""
        begins = self._found and frame.type in _BEGINNINGS
        if begins or not self.run_id:
            whole = orjson.loads(frame.data)
            self.run_id = whole["run_id"]
            if begins:
                self.created = whole["timestamp"]
        if not begins and frame.type == "paused":
            data = event_data(frame)
            self._count(data["pending"])
            self._used = data.get("usage", NO_USAGE)
            self._found = self._found or any(action["id"] == self._after_action for action in data["pending"])

    def _count(self, pending: Sequence[Mapping[str, Any]]) -> int:
        """Return the number of the first of these actions in the run."""
        first = self._actions
        self._actions += len(pending)
        self._of_client.update(
            action.get("tool_call_id", "") for action in pending if action["kind"] == PendingKind.CLIENT_TOOL
        )
        return first

    def _token(self, frame: Frame) -> Sequence[Part]:
        text = Text(token_json(frame))
        apart = self._spoke and self._called
        self._spoke = self.speaks = True
        self._called = False
        return (Text(BETWEEN_TURNS), text) if apart else (text,)

    def _thought(self, text: str) -> Sequence[Part]:
        return (Thought(text),) if text else ()

    def _tool_call(self, data: Mapping[str, Any]) -> Sequence[Part]:
        self._called, self.speaks = True, False
        if not self._show_tools or data["tool_call_id"] in self._of_client:
            return ()
        if data["status"] == "started":
            return (Thought(f"{data['tool_name']}({_json(data['arguments'])})\n"),)
        said = data.get("result") if data["status"] == "completed" else f"failed: {data.get('error')}"
        return (Thought(f"{data['tool_name']} → {said}\n"),)

    def _paused(self, data: Mapping[str, Any]) -> Sequence[Part]:
        self.end()
        pending = data["pending"]
        first = self._count(pending)
        usage = self._usage(data.get("usage", NO_USAGE))
        calls = [
            {
                "id": tool_call_id(self.run_id, number),
                "type": "function",
                "function": {"name": action["tool_name"], "arguments": _json(action["arguments"])},
            }
            for number, action in enumerate(pending, first)
            if action["kind"] == PendingKind.CLIENT_TOOL and number < MOST_CALLS
        ]
        if calls:
            return (Calls(calls), Ended("tool_calls", usage))
        text = waiting_text(self._waiting, self.run_id, pending)
        if not text:
            return (Ended("stop", usage),)
        return (*([Text(BETWEEN_TURNS)] if self._spoke else ()), Text(orjson.dumps(text)), Ended("stop", usage))

    def _complete(self, data: Mapping[str, Any]) -> Sequence[Part]:
        self.end()
        reason = data.get("finish_reason")
        return (Ended(reason if reason in FINISH_REASONS else "stop", self._usage(data["usage"])),)

    def _usage(self, total: Mapping[str, int]) -> Mapping[str, Any]:
        return usage_json({name: count - self._used.get(name, 0) for name, count in total.items()})


_BEGINNINGS = frozenset({"run_start", "resumed", "complete", "error"})


def _json(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()
