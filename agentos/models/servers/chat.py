"""What servers that speak Chat Completions take and refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from agentos.models.wire.dialects import accepted_options, with_options


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How to write a request for one server.

    >>> Dialect(output_limit="max_completion_tokens").with_options({"stream_options": False}).stream_options
    False
    """

    stream_options: bool = True
    """Send ``stream_options: {"include_usage": true}``. Servers that refuse it often give the usage without it."""
    output_limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """The server's name for ``max_output_tokens``."""
    instructions_role: Literal["system", "developer"] = "system"
    """The role of an agent's instructions."""
    tool_call_ids: Literal["any", "alphanumeric9"] = "any"
    """``alphanumeric9``: every other id is replaced by nine letters and digits, the same for a call and its result."""
    content_beside_tool_calls: Literal["null", "empty", "absent"] = "null"
    """What ``content`` is in a message that only calls tools: ``null``, ``""`` (``empty``), or not there."""

    def with_options(self, options: Mapping[str, Any]) -> Dialect:
        """Return this dialect with some options replaced; raise ``ValueError`` for a name or value that is not one."""
        return cast(Dialect, with_options(self, OPTIONS, options))


OPTIONS = accepted_options(Dialect)
