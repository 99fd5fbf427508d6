"""Cuts what an error quotes of a conversation out of its message."""

from __future__ import annotations

from collections.abc import Iterable

PIECE = 12
"""Characters that an error and what was said must have in common to count as quoted."""


def without_quotes(message: str, said: Iterable[str | None]) -> str:
    """Return the message up to where it begins to quote one of the texts."""
    texts = [text for text in said if text]
    for start in range(len(message) - PIECE + 1):
        if any(message[start : start + PIECE] in text for text in texts):
            return f"{message[:start]}…"
    return message
