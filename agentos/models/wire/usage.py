"""The tokens of a call as servers count them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from agentos.domain.usage import MOST_TOKENS, Usage

CACHED = ("prompt_cache_hit_tokens", "cached_tokens", "cache_read_input_tokens", "cache_read_tokens")
"""DeepSeek, Kimi, Anthropic's gateways; OpenAI has it among the details of the prompt."""
_NUMBER = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?")


def read_usage(usage: Any, before: Usage | None = None) -> Usage | None:
    """Return what a server counted, with counts of ``before`` where this time it gives none.

    Servers count once at the end, or again and again while the answer grows, or the prompt first and the rest later.
    Numbers may be floats or texts. What is no count at all is ignored: it cannot fail a run.
    """
    if not isinstance(usage, Mapping):
        return before
    prompt_details = _mapping(usage, "prompt_tokens_details", "input_tokens_details")
    output_details = _mapping(usage, "completion_tokens_details", "output_tokens_details")
    prompt = first_count(usage, "prompt_tokens", "input_tokens") or 0
    completion = first_count(usage, "completion_tokens", "output_tokens") or 0
    reasoning = first_count(output_details, "reasoning_tokens") or first_count(usage, "reasoning_tokens") or 0
    cached = first_count(prompt_details, "cached_tokens")
    if cached is None:
        cached = first_count(usage, *CACHED)
    completion, reasoning = _with_reasoning(prompt, completion, reasoning, first_count(usage, "total_tokens"))
    if before is not None:
        prompt = prompt or before.prompt_tokens
        completion = completion or before.completion_tokens
        reasoning = reasoning or before.reasoning_tokens
        cached = before.cached_tokens if cached is None else cached
    return Usage(prompt, min(completion, MOST_TOKENS), min(reasoning, MOST_TOKENS), cached)


def _with_reasoning(prompt: int, completion: int, reasoning: int, total: int | None) -> tuple[int, int]:
    """Count reasoning as a part of the completion, as OpenAI does.

    xAI counts it on top (total = prompt + completion + reasoning); Gemini does too, and shows it in the total alone.
    """
    beyond = 0 if total is None else total - prompt - completion
    if reasoning and (beyond == reasoning or (reasoning > completion and beyond >= 0)):
        return completion + reasoning, reasoning
    if not reasoning and beyond > 0 and prompt and completion:
        return completion + beyond, beyond
    return completion, reasoning


def _mapping(usage: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    return next((value for name in names if isinstance(value := usage.get(name), Mapping)), {})


def first_count(usage: Mapping[str, Any], *names: str) -> int | None:
    """Return the first of these counts that is one, also where it is a text or a float."""
    return next((count for name in names if (count := _count(usage.get(name))) is not None), None)


def _count(value: Any) -> int | None:
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return int(value) if 0 <= value <= MOST_TOKENS else None
