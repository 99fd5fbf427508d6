"""What a run has said and done so far: the fold of its events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from agentos.domain.checkpoint import Checkpoint
from agentos.domain.event import AgentEvent, Reasoning, Step, Token, ToolCallEvent
from agentos.domain.message import Message, ToolCall
from agentos.domain.usage import Usage


class NewlySaid(NamedTuple):
    """What a transcript has that no checkpoint has yet."""

    messages: Sequence[Message]
    reasoning: str


class Transcript:
    """Turns the events of a run into the messages that they amount to.

    A turn is one answer of the model: text, tool calls, or both, and the results of the calls. The first text or call
    after a result begins the next turn. A call that a step names, or that has started, is *open* until it has a result.
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
        self._closed: list[Message] = []
        self._reasoning: list[str] = []
        self._taken = self._taken_reasoning = 0
        """How many messages, and pieces of reasoning, a checkpoint has."""
        self._begin_turn()

    def _begin_turn(self) -> None:
        self._text: list[str] = []
        self._calls: dict[str, ToolCall] = {}
        self._started: set[str] = set()
        self._results: dict[str, str] = {}
        self._named: bool = False
        """Whether a step has named all calls of the turn."""
        self._provider: str | None = None
        self._details: Mapping[str, Any] | None = None
        self._call_details: Mapping[str, Mapping[str, Any]] = {}

    @classmethod
    def restored(cls, checkpoints: Sequence[Checkpoint]) -> Transcript:
        """Return the transcript of a run at its last checkpoint."""
        transcript = cls()
        for checkpoint in checkpoints:
            for message in checkpoint.messages:
                transcript._restore(message)
            if checkpoint.reasoning:
                transcript._reasoning.append(checkpoint.reasoning)
        if checkpoints:
            last = checkpoints[-1]
            transcript.usage, transcript.tokens, transcript.size = last.usage, last.tokens, last.size
            transcript.turns, transcript.model, transcript.finish_reason = last.turns, last.model, last.finish_reason
            transcript.take()
        return transcript

    def _restore(self, message: Message) -> None:
        if message.role == "tool":
            self._results[message.tool_call_id or ""] = message.content
            return
        if self._is_whole():
            self._closed += self._turn(self._calls)
        self._begin_turn()  # of a turn that was not whole, a later checkpoint has all of it again
        self._text = [message.content] if message.content else []
        self._calls = {call.id: call for call in message.tool_calls}
        self._named = bool(message.tool_calls)
        self._provider, self._details = message.provider, message.provider_details
        self._call_details = {call.id: call.provider_details for call in message.tool_calls if call.provider_details}

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
                self._apply_step(event)
            case ToolCallEvent(status="started"):
                id, details = event.tool_call_id, self._call_details.get(event.tool_call_id)
                if id in self._started or id in self._results or id not in self._calls:
                    self._begin_turn_after_results()
                # In the place that its step gave it. Its arguments may be others than the model's: an approver's.
                self._calls[id] = ToolCall(id, event.tool_name, _arguments_text(event.arguments), details)
                self._started.add(id)
            case ToolCallEvent():
                self._results[event.tool_call_id] = event.result if event.result is not None else event.error or ""

    def _apply_step(self, step: Step) -> None:
        self._provider = self._details = None
        self._call_details = step.call_details
        if step.provider_details or step.call_details:
            self._provider, self._details = step.provider, step.provider_details
        for call in step.calls:
            details = step.call_details.get(call.id)
            self._calls.setdefault(call.id, ToolCall(call.id, call.name, call.arguments, details))
        self._named = bool(step.calls)

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

    @property
    def open_calls(self) -> Sequence[ToolCall]:
        """The calls of the last turn that have no result, in the model's order."""
        return [call for call in self._calls.values() if call.id not in self._results]

    @property
    def step_ended(self) -> bool:
        """Whether the last turn has calls, of which a step has named all, and each has its result."""
        return self._named and self._is_whole()

    def messages(self) -> Sequence[Message]:
        """Return the messages so far, the results of a turn in the order of its calls.

        A call without a result is left out, so that what is handed to a model is always whole.
        """
        return [*self._closed, *self._whole_turn()]

    def take(self) -> NewlySaid:
        """Return what is new since this was called before, or since the checkpoint that the run was restored from.

        An assistant's message has all its calls. A turn that was not whole is returned again, all of it, once it has
        more: it takes the place of what there was of it.
        """
        turn = self._turn(self._calls)
        new = [*self._closed, *turn][self._taken :]
        self._taken = len(self._closed) + (len(turn) if self._is_whole() else 0)
        reasoning = "".join(self._reasoning[self._taken_reasoning :])
        self._taken_reasoning = len(self._reasoning)
        return NewlySaid(new, reasoning)

    def _is_whole(self) -> bool:
        return bool(self._calls) and self._calls.keys() <= self._results.keys()

    def _whole_turn(self) -> list[Message]:
        return self._turn({id: call for id, call in self._calls.items() if id in self._results})

    def _turn(self, calls: Mapping[str, ToolCall]) -> list[Message]:
        text = self.output
        if not calls and not text:
            return []
        results = [Message("tool", self._results[id], tool_call_id=id) for id in calls if id in self._results]
        said = Message(
            "assistant",
            text,
            tool_calls=tuple(calls.values()),
            provider=self._provider,
            provider_details=self._details,
        )
        return [said, *results]

    def _begin_turn_after_results(self) -> None:
        """Begin the next turn if all that has started has ended; calls that never started are left out."""
        if self._results and self._started <= self._results.keys():
            self._closed += self._whole_turn()
            self._begin_turn()
            self.turns += 1


def _arguments_text(arguments: object) -> str:
    """Return arguments as JSON. A text that is no JSON becomes ``{}``: servers refuse to be shown broken JSON again."""
    return "{}" if isinstance(arguments, str) else orjson.dumps(arguments).decode()
