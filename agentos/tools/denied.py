"""A tool call that is not made, because somebody who may decide so decided so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agentos.domain.message import ToolCall
from agentos.tools.context import ToolContext


@dataclass(frozen=True, slots=True)
class Denied:
    """The answer of a ``before_tool_call`` hook that denies a call. The model reads the reason."""

    reason: str


BeforeCall = Callable[[ToolCall, ToolContext], Denied | None]
"""What is asked before each tool call; ``None`` allows it."""
