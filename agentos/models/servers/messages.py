"""What servers that speak Anthropic's Messages API take and refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from agentos.models.wire.dialects import accepted_options, with_options


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesDialect:
    """How to write a request for one server.

    >>> MessagesDialect().with_options({"version": "2026-10-21"}).version
    '2026-10-21'
    """

    version: Literal["2023-06-01", "2026-10-21"] = "2023-06-01"
    """The header ``anthropic-version``. The newer version refuses ``temperature``, ``top_p`` and ``top_k``, which are
    then left out."""
    output_schema: Literal["format", "instructions"] = "format"
    """Where an agent's ``output_schema`` goes: ``output_config.format``, or words behind the instructions."""
    unsigned_thinking: bool = True
    """Send thinking back that came without a signature. Anthropic refuses it; DeepSeek and Kimi want it."""

    def with_options(self, options: Mapping[str, Any]) -> MessagesDialect:
        """Return this dialect with some options replaced; raise ``ValueError`` for a name or value that is not one."""
        return cast(MessagesDialect, with_options(self, OPTIONS, options))


OPTIONS = accepted_options(MessagesDialect)
