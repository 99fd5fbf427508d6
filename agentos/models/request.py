"""One call to a model."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentos.cancellation import Cancellation
from agentos.domain.message import Message
from agentos.domain.tool_spec import ToolSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """Everything a provider needs for one call.

    ``model`` is the name behind the provider's prefix. ``parameters`` are the agent's, handed on as they are, but for
    ``tool_choice``, which the run has already taken out or left in as it applies to this turn. ``deadline`` is a
    ``time.monotonic()`` value: the whole call must have ended by then. A provider wraps what it waits in with
    ``cancellation.cutting(...)``, so that a cancelled or overdue run cuts the call instead of waiting for it.
    """

    model: str
    messages: Sequence[Message]
    tools: Sequence[ToolSpec] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    output_schema: Mapping[str, Any] | None = None
    deadline: float = field(default_factory=lambda: time.monotonic() + 600.0)
    cancellation: Cancellation = field(default_factory=Cancellation)

    def remaining(self) -> float:
        """Return the seconds left before the deadline, at least a millisecond."""
        return max(0.001, self.deadline - time.monotonic())
