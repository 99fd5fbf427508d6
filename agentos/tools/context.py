"""What a tool may know about the run that calls it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from agentos.cancellation import Cancellation
from agentos.domain.principal import ANONYMOUS


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """Handed to tools that ask for it with a parameter annotated ``ToolContext``; the model never sees it.

    ``owner`` is the user or tenant of the run; ``user_id`` is what the client said; ``request_id`` names the HTTP
    request that began the run, as the log does. ``deadline`` is a
    ``time.monotonic()`` value. A tool that waits for something should do so inside
    ``with context.cancellation.cutting(...)``; one that is isolated is killed instead, without a signal before.
    """

    run_id: str
    agent_id: str
    owner: str = ANONYMOUS
    session_id: str | None = None
    user_id: str | None = None
    request_id: str | None = None
    deadline: float = field(default_factory=lambda: time.monotonic() + 600.0)
    cancellation: Cancellation = field(default_factory=Cancellation)
