"""The tokens of an answer as the Messages API counts them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentos.domain.usage import MOST_TOKENS, Usage
from agentos.models.wire.usage import first_count, read_usage

INPUT = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


class Counter:
    """Takes in what the server counted so far, again and again: ``input_tokens`` are those that no cache had."""

    def __init__(self) -> None:
        self._input: dict[str, int] = {}
        self._output = 0
        self._thinking = 0

    def read(self, usage: Any) -> Usage | None:
        """Take in counts, and return the usage so far; None where nothing was counted.

        Counts are those of the whole answer each time. A later one replaces an earlier one, but zeros do not: servers
        that count at the end begin with zeros, and others end with them. Some count the prompt as a whole first and
        apart from the cache at the end.
        """
        if not isinstance(usage, Mapping):
            return self._usage()
        if "prompt_tokens" in usage and "input_tokens" not in usage:
            # A gateway that counts as OpenAI does.
            counted = read_usage(usage) or Usage()
            cached = counted.cached_tokens or 0
            self._input = {"input_tokens": counted.prompt_tokens - cached, "cache_read_input_tokens": cached}
            self._output, self._thinking = counted.completion_tokens, counted.reasoning_tokens
            return self._usage()
        counts = {name: count for name in INPUT if (count := first_count(usage, name)) is not None}
        if any(counts.values()) or not self._input:
            self._input |= counts
        self._output = first_count(usage, "output_tokens") or self._output
        details = usage.get("output_tokens_details")
        if isinstance(details, Mapping):
            self._thinking = first_count(details, "thinking_tokens") or self._thinking
        return self._usage()

    def _usage(self) -> Usage | None:
        if not (self._input or self._output):
            return None
        prompt = min(sum(self._input.values()), MOST_TOKENS)
        return Usage(
            prompt, self._output, min(self._thinking, self._output), self._input.get("cache_read_input_tokens")
        )
