"""What a run cost in tokens."""

from __future__ import annotations

from dataclasses import dataclass

MOST_TOKENS = 2**53 - 1
"""Tokens that one call may be said to have taken: what a JSON number holds exactly, and sums of which fit 64 bits."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens counted by the model's provider; usages add up."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    """Part of ``completion_tokens`` that the model spent on thinking."""
    cached_tokens: int | None = None
    """Part of ``prompt_tokens`` that the provider had in its cache; ``None`` where it does not say."""

    @property
    def total_tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
            _sum(self.cached_tokens, other.cached_tokens),
        )

    def to_dict(self) -> dict[str, int]:
        """Return the JSON form that the API shows."""
        shown = {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.total_tokens,
            "reasoning_tokens": self.reasoning_tokens,
        }
        if self.cached_tokens is not None:
            shown["cached_tokens"] = self.cached_tokens
        return shown


def _sum(one: int | None, other: int | None) -> int | None:
    return one if other is None else other if one is None else one + other
