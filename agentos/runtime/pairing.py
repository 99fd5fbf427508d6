"""Tool calls and their results in a session's history: a model is given both, side by side, or neither."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from agentos.domain.message import Message, ToolCall


def pair_calls(history: Sequence[Message]) -> Sequence[Message]:
    """Return a history as model servers take it: each call has its result in the messages behind it.

    What a run leaves is so already. Clients add calls and results one by one, and remove them so. A call without a
    result is left out, and so is a result without a call. Calls that were added one after the other are of one answer.
    """
    if _is_paired(history):
        return history
    answers: list[_Answer] = []
    for message in history:
        if message.role != "tool":
            if not (answers and answers[-1].takes(message)):
                answers.append(_Answer(message))
            continue
        waiting = next((one for one in reversed(answers) if one.waits_for(message.tool_call_id)), None)
        if waiting is not None:
            waiting.results[str(message.tool_call_id)] = message
    return [message for answer in answers for message in answer.messages()]


def _is_paired(history: Iterable[Message]) -> bool:
    """Whether nothing has to be changed, as nearly always: a history without calls costs one look at each message."""
    open_calls: set[str] = set()
    before = ""
    for message in history:
        if message.role == "tool":
            if message.tool_call_id not in open_calls:
                return False
            open_calls.discard(message.tool_call_id)
        elif open_calls:
            return False
        elif message.tool_calls:
            if before == "assistant" and not message.content:
                return False
            open_calls = {call.id for call in message.tool_calls}
        before = message.role
    return not open_calls


@dataclass(slots=True)
class _Answer:
    """A message that is no tool's, with the results of its calls."""

    message: Message
    results: dict[str, Message] = field(default_factory=dict)

    def takes(self, message: Message) -> bool:
        """Add the calls of the next message if it is a part of this one; return whether it was."""
        calls = self.message.tool_calls
        is_more = self.message.role == "assistant" and bool(message.tool_calls) and not message.content
        # What has details is as its provider gave it, and is left alone.
        has_details = self.message.provider is not None or message.provider is not None
        is_again = not {call.id for call in calls}.isdisjoint(call.id for call in message.tool_calls)
        if not is_more or self.results or has_details or is_again:
            return False
        self.message = replace(self.message, tool_calls=(*calls, *message.tool_calls))
        return True

    def waits_for(self, call_id: str | None) -> bool:
        """Return whether a result of this call is missing."""
        return call_id not in self.results and any(call.id == call_id for call in self.message.tool_calls)

    def messages(self) -> Iterable[Message]:
        """Yield the message with the calls that have a result, and these in the order of the calls."""
        if not self.message.tool_calls:
            yield self.message
            return
        whole: list[ToolCall] = [call for call in self.message.tool_calls if call.id in self.results]
        if whole or self.message.content:
            yield replace(self.message, tool_calls=tuple(whole))
        for call in whole:
            yield self.results[call.id]
