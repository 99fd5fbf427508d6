"""What a Chat Completions server says, as deltas."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import orjson

from agentos.domain.usage import MOST_TOKENS, Usage
from agentos.errors import ProviderError
from agentos.models.chat_completions.tool_calls import ToolCalls
from agentos.models.deltas import Delta, FinishReason, ReasoningDelta, TextDelta
from agentos.models.transport.failures import failure_in_stream

FINISH_REASONS: dict[str, FinishReason] = {
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


class Answer:
    """One answer as it grows. ``finish`` and ``usage`` are what the server said last; the caller hands them on.

    Only the first choice is read. Raises :class:`~agentos.errors.ProviderError` for what makes no sense, and the error
    that the server sent in place of a piece.
    """

    def __init__(self, *, secrets: Iterable[str] = ()) -> None:
        self.finish: FinishReason | None = None
        self.usage: Usage | None = None
        self._secrets = secrets
        self._calls = ToolCalls()

    def read(self, data: bytes, said: list[Delta], key: Literal["delta", "message"] = "delta") -> None:
        """Add to what was said: a streamed ``chat.completion.chunk``, or a whole completion with its ``message``."""
        try:
            chunk = orjson.loads(data)
            if chunk.get("error"):
                raise failure_in_stream(chunk["error"], secrets=self._secrets)
            if usage := chunk.get("usage"):
                self.usage = _usage(usage)
            for choice in chunk.get("choices") or ():
                if not choice.get("index"):
                    self._read_choice(choice, choice.get(key) or {}, said)
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError) as error:
            # The shape is the server's business until it is used: any surprise on the way means the same.
            raise ProviderError("the model server sent a piece that is not a chat completion") from error

    def _read_choice(self, choice: dict[str, Any], delta: dict[str, Any], deltas: list[Delta]) -> None:
        if thought := delta.get("reasoning_content") or delta.get("reasoning"):
            deltas.append(ReasoningDelta(_text(thought)))
        if text := delta.get("content"):
            deltas.append(TextDelta(_text(text)))
        if refusal := delta.get("refusal"):
            deltas.append(TextDelta(_text(refusal)))
        if calls := delta.get("tool_calls"):
            deltas += map(self._calls.read, calls)
        if call := delta.get("function_call"):
            deltas.append(self._calls.read({"function": call}))
        if reason := choice.get("finish_reason"):
            # Some servers, and OpenAI itself where the agent asked for one tool by name, say "stop" after tool calls.
            self.finish = FINISH_REASONS.get(reason, "tool_calls" if self._calls else "stop")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {type(value).__name__}")
    return value


def _usage(usage: dict[str, Any]) -> Usage:
    details = usage.get("completion_tokens_details") or {}
    return Usage(
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        reasoning_tokens=_count(details.get("reasoning_tokens")),
    )


def _count(value: Any) -> int:
    return value if isinstance(value, int) and 0 <= value <= MOST_TOKENS else 0
