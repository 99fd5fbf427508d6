"""How many tokens an answer may have, which the Messages API wants to be told in each request."""

from __future__ import annotations

import re
from collections.abc import Mapping

DEFAULT = 8192
"""For models that are not Claude's, or not known: what nearly all models take."""
LEAST_THINKING = 1024
"""The smallest ``budget_tokens``."""

NAMES = ("max_tokens", "max_output_tokens", "max_completion_tokens")

_FAMILIES: Mapping[str, int] = {
    # https://platform.claude.com/docs/en/about-claude/models/overview: the most that the models of a family write.
    r"claude-3-(opus|sonnet|haiku)\b|claude-(2|instant)": 4096,
    r"claude-3-5-": 8192,
    r"claude-(opus-4|4-opus)(-[01])?(-2025\d{4})?(?!-?\d)": 32_000,
    r"claude-": 64_000,
}

_NUMBER = re.compile(r"\d[\d,_]*\d|\d")
_OVER_WINDOW = re.compile(r"(\d+) \+ (\d+) > (\d+)")


def default_limit(model: str) -> int:
    """Return the limit for a model, whose name may have a vendor's or a region's words before it."""
    for pattern, limit in _FAMILIES.items():
        if re.search(pattern, model.lower().replace(".", "-").replace("@", "-")):
            return limit
    return DEFAULT


def accepted_limit(words: str, refused: int) -> int | None:
    """Return the largest limit that a server's refusal of one leaves, or None if its words are not about that.

    >>> accepted_limit("max_tokens: 64000 > 8192, which is the maximum allowed number of output tokens", 64000)
    8192
    >>> accepted_limit("input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000", 32000)
    10000
    """
    if not any(name in words for name in NAMES):
        return None
    if over := _OVER_WINDOW.search(words):
        left = int(over[3]) - int(over[1])
        return left if LEAST_THINKING <= left < refused else None
    numbers = [int(re.sub(r"[,_]", "", number)) for number in _NUMBER.findall(words)]
    return max((number for number in numbers if 256 <= number < refused), default=None)
