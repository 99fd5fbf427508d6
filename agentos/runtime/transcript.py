"""What a run has said and done so far: the fold of its events."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import orjson

from agentos.domain.event import AgentEvent, Reasoning, Step, Token, ToolCallEvent
from agentos.domain.message import Message, ToolCall
from agentos.domain.usage import Usage


class Transcript:
    """Turns the events of a run into the messages that they amount to.

    A turn is one answer of the model: text, tool calls, or both, and the results of the calls. The first text or call
    after a result begins the next turn.
    """

    def __init__(self) -> None:
        self.usage = Usage()
        self.tokens = 0
        self.turns = 1
        """How many turns have begun."""
        self.size = 0
        """Characters of text and reasoning so far."""
        self.model: str | None = None
        self.finish_reason: str | None = None
        self._step: Step | None = None
        """The model call of the open turn, once it has ended."""
        self._closed: list[Message] = []
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: dict[str, ToolCall] = {}
        self._results: dict[str, str] = {}

    def apply(self, event: AgentEvent) -> None:
        """Take in the next event."""
        match event:
            case Token():
                self.add_text(event.token)
            case Reasoning():
                self._begin_turn_after_results()
                self._reasoning.append(event.content)
                self.size += len(event.content)
            case Usage():
                self.usage += event
            case Step():
                self._begin_turn_after_results()
                self.model, self.finish_reason = event.model, event.finish_reason
                self._step = event
            case ToolCallEvent(status="started"):
                self._begin_turn_after_results()
                details = None if self._step is None else self._step.call_details.get(event.tool_call_id)
                self._calls[event.tool_call_id] = ToolCall(
                    event.tool_call_id, event.tool_name, _arguments_text(event.arguments), details
                )
            case ToolCallEvent():
                self._results[event.tool_call_id] = event.result if event.result is not None else event.error or ""

    def add_text(self, text: str) -> None:
        """Take in a piece of text, as :meth:`apply` does with a token."""
        self._begin_turn_after_results()
        self._text.append(text)
        self.tokens += 1
        self.size += len(text)

    @property
    def output(self) -> str:
        """The text of the last turn: what a run answers."""
        return "".join(self._text)

    @property
    def reasoning(self) -> str | None:
        """All that the model thought aloud, ``None`` where it did not."""
        return "".join(self._reasoning) or None

    def messages(self) -> Sequence[Message]:
        """Return the messages so far, the results of a turn in the order of its calls.

        A call without a result is left out, so that what is handed to a model is always whole.
        """
        return [*self._closed, *self._open_turn()]

    def _open_turn(self) -> list[Message]:
        calls = tuple(call for call in self._calls.values() if call.id in self._results)
        text = self.output
        if not calls and not text:
            return []
        results = [Message("tool", self._results[call.id], tool_call_id=call.id) for call in calls]
        said = Message("assistant", text, tool_calls=calls)
        step = self._step
        if step is not None and (step.provider_details or step.call_details):
            said = dataclasses.replace(said, provider=step.provider, provider_details=step.provider_details)
        return [said, *results]

    def _begin_turn_after_results(self) -> None:
        if self._results and len(self._results) == len(self._calls):
            self._closed += self._open_turn()
            self._text, self._calls, self._results, self._step = [], {}, {}, None
            self.turns += 1


def _arguments_text(arguments: object) -> str:
    """Return arguments as JSON. A text that is no JSON becomes ``{}``: servers refuse to be shown broken JSON again."""
    return "{}" if isinstance(arguments, str) else orjson.dumps(arguments).decode()
