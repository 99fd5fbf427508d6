"""What is in a list of deltas, for assertions."""

from __future__ import annotations

from collections.abc import Iterable

from agentos.domain.usage import Usage
from agentos.models.deltas import Delta, ReasoningDelta, TextDelta, ToolCallDelta


def text_of(deltas: Iterable[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def thoughts_of(deltas: Iterable[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, ReasoningDelta))


def calls_of(deltas: Iterable[Delta]) -> list[tuple[str | None, str | None, str]]:
    return [(one.id, one.name, one.arguments) for one in deltas if isinstance(one, ToolCallDelta)]


def usage_of(deltas: Iterable[Delta]) -> Usage | None:
    return next((delta for delta in deltas if isinstance(delta, Usage)), None)
