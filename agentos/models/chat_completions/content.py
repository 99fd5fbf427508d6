"""Text and thinking in the shapes that servers give them."""

from __future__ import annotations

from typing import Any

from agentos.models.deltas import Delta, ReasoningDelta, TextDelta

TEXT = frozenset({"text", "output_text", "input_text", "refusal"})
THINKING = frozenset({"thinking", "reasoning", "reasoning_text", "thought", "reasoning_content", "summary_text"})
WORDS = ("text", "refusal", "thinking", "reasoning", "reasoning_text", "thought", "summary", "content")


def read_content(content: Any, deltas: list[Delta]) -> None:
    """Add what ``content`` says: a text, or a list of parts.

    Text and refusals are text, thinking is reasoning, parts of other types are skipped. Raises ``TypeError`` for what
    is neither.
    """
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str):
            kind, words = "text", part
        elif (
            isinstance(part, dict) and isinstance(part.get("type", "text"), str) and ("type" in part or "text" in part)
        ):
            kind, words = part.get("type", "text").lower(), text_of(part)
        elif part is None:
            continue
        else:
            raise TypeError(f"expected text or parts, got {type(part).__name__}")
        if not words:
            continue
        if kind in THINKING:
            deltas.append(ReasoningDelta(words))
        elif kind in TEXT:
            deltas.append(TextDelta(words))


def text_of(value: Any) -> str:
    """Return the words in a text, a list, or an object that has them under one of the usual names."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(map(text_of, value))
    if isinstance(value, dict):
        return next((words for name in WORDS if value.get(name) and (words := text_of(value[name]))), "")
    return ""
