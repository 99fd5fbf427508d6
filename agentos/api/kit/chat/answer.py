"""One answer of a run, read from its events: from the beginning, or from a pause, to the run's next stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from agentos.api.kit.chat.call_ids import MOST_CALLS, CallIds
from agentos.api.kit.chat.waiting import waiting_text
from agentos.api.kit.run_answers import event_data
from agentos.domain.event import Frame
from agentos.domain.pending import PendingKind
from agentos.events.encoder import token_json

BETWEEN_TURNS = orjson.dumps("\n\n")
"""Stands between two texts of the agent with calls of its tools between them."""

FINISH_REASONS = frozenset({"stop", "length", "content_filter"})

NO_USAGE: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class AnswerText:
    """A piece of the answer, as JSON."""

    json: bytes


@dataclass(frozen=True, slots=True)
class AnswerThought:
    """A piece of the reasoning, or what is shown of the agent's tools."""

    text: str


@dataclass(frozen=True, slots=True)
class ClientCall:
    """A call that the client has to execute. ``arguments`` are an object, or the model's text where that is none."""

    id: str
    name: str
    arguments: Any

    @property
    def arguments_json(self) -> str:
        """The arguments as JSON."""
        return _json(self.arguments)


@dataclass(frozen=True, slots=True)
class AnswerCalls:
    """What the client has to execute."""

    calls: Sequence[ClientCall]


@dataclass(frozen=True, slots=True)
class AnswerStartedOver:
    """Another worker executes the run from an earlier point: what was said does not count."""


@dataclass(frozen=True, slots=True)
class AnswerEnded:
    """The answer is whole.

    ``finish_reason`` is `stop`, `length`, `content_filter`, or `tool_calls`. ``usage`` is what this answer took, as
    :meth:`agentos.Usage.to_dict` has it.
    """

    finish_reason: str
    usage: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class AnswerFailed:
    """The run did not complete; ``error`` is the event's data."""

    error: Mapping[str, Any]


AnswerPart = AnswerText | AnswerThought | AnswerCalls | AnswerStartedOver | AnswerEnded | AnswerFailed


class AnswerReader:
    """Reads the parts of an answer from the frames of a run, from the first one on.

    With ``after_action``, the answer begins when the pause in which that action was pending has ended; else with the
    run. With ``show_tools``, calls of the agent's own tools are thoughts. ``waiting`` is the text for a run that waits
    for a person, as :func:`~agentos.api.kit.chat.waiting.waiting_text` takes it. ``calls`` are the protocol's ids.
    """

    def __init__(
        self, calls: CallIds, *, after_action: str | None = None, show_tools: bool = False, waiting: str | None = None
    ) -> None:
        self._calls = calls
        self._waiting = waiting
        self._after_action = after_action
        self._show_tools = show_tools
        self._found = after_action is None
        self._actions = 0
        self.first_action = 0
        """How many actions of the run were pending before this answer: tells the answers of one run apart."""
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

    def read(self, frame: Frame) -> Sequence[AnswerPart]:
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
                return (AnswerStartedOver(),) if event_data(frame).get("attempt") else ()
            case "paused":
                return self._paused(event_data(frame))
            case "complete":
                return self._complete(event_data(frame))
            case "error":
                self.end()
                return (AnswerFailed(event_data(frame)),)
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
                self.first_action = self._actions
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

    def _token(self, frame: Frame) -> Sequence[AnswerPart]:
        text = AnswerText(token_json(frame))
        apart = self._spoke and self._called
        self._spoke = self.speaks = True
        self._called = False
        return (AnswerText(BETWEEN_TURNS), text) if apart else (text,)

    def _thought(self, text: str) -> Sequence[AnswerPart]:
        return (AnswerThought(text),) if text else ()

    def _tool_call(self, data: Mapping[str, Any]) -> Sequence[AnswerPart]:
        self._called, self.speaks = True, False
        if not self._show_tools or data["tool_call_id"] in self._of_client:
            return ()
        if data["status"] == "started":
            return (AnswerThought(f"{data['tool_name']}({_json(data['arguments'])})\n"),)
        said = data.get("result") if data["status"] == "completed" else f"failed: {data.get('error')}"
        return (AnswerThought(f"{data['tool_name']} → {said}\n"),)

    def _paused(self, data: Mapping[str, Any]) -> Sequence[AnswerPart]:
        self.end()
        pending = data["pending"]
        first = self._count(pending)
        usage = self._usage(data.get("usage", NO_USAGE))
        calls = [
            ClientCall(self._calls.make(self.run_id, number), action["tool_name"], action["arguments"])
            for number, action in enumerate(pending, first)
            if action["kind"] == PendingKind.CLIENT_TOOL and number < MOST_CALLS
        ]
        if calls:
            return (AnswerCalls(calls), AnswerEnded("tool_calls", usage))
        text = waiting_text(self._waiting, self.run_id, pending)
        if not text:
            return (AnswerEnded("stop", usage),)
        apart = (AnswerText(BETWEEN_TURNS),) if self._spoke else ()
        return (*apart, AnswerText(orjson.dumps(text)), AnswerEnded("stop", usage))

    def _complete(self, data: Mapping[str, Any]) -> Sequence[AnswerPart]:
        self.end()
        return (AnswerEnded(known_reason(data.get("finish_reason")), self._usage(data["usage"])),)

    def _usage(self, total: Mapping[str, int]) -> Mapping[str, int]:
        return {name: count - self._used.get(name, 0) for name, count in total.items()}


def known_reason(reason: str | None) -> str:
    """Return a reason that protocols have a word for; `stop` for others."""
    return reason if reason is not None and reason in FINISH_REASONS else "stop"


_BEGINNINGS = frozenset({"run_start", "resumed", "complete", "error"})


def _json(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()
