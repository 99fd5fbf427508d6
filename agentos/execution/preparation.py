"""What a run needs besides its row to be executed: found again from its id, at any worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agentos.domain.agent import StreamingAgent
from agentos.domain.run import Run
from agentos.execution.run_limits import RunLimits


@dataclass(frozen=True, slots=True)
class Prepared:
    """An agent as one run has it, and the limits of that run.

    ``moved`` has the agent run in a guest process from now on, and returns what runs it; ``None`` where that cannot be.
    """

    agent: StreamingAgent
    limits: RunLimits
    moved: Callable[[], StreamingAgent | None] = lambda: None


Prepare = Callable[[Run], Prepared]
"""Finds the agent of a claimed run, which has its ``request``. Raises an :class:`~agentos.errors.AgentOSError` when the
run cannot be executed here."""
