"""The plugins that may deny a run before anything of it is saved."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from agentos.domain.agent import Agent, StreamingAgent
from agentos.domain.denied import Denied
from agentos.errors import Forbidden
from agentos.plugins.decisions import first_denial
from agentos.plugins.hook_call import HookCall
from agentos.runtime.loop import ModelAgent

SECONDS = 10.0
"""How long one plugin may take to decide. The client waits meanwhile."""

UNDECIDED = "it could not be found out whether the run is allowed"


@dataclass(frozen=True, slots=True)
class BeforeRun:
    """Asks every plugin, each in a thread of its own and for a bounded time."""

    calls: Sequence[HookCall]

    def __call__(self, request: object, agent: StreamingAgent) -> None:
        """Raise the error of the first denial: its own, or :class:`~agentos.errors.Forbidden` with its reason."""
        shown: Agent | StreamingAgent = agent.agent if isinstance(agent, ModelAgent) else agent
        denied = first_denial(
            self.calls,
            lambda call: call.within(time.monotonic() + SECONDS, request=request, agent=shown),
            undecided=Denied(UNDECIDED),
            about={"agent_id": getattr(request, "agent_id", None)},
        )
        if denied is not None:
            raise denied.error or Forbidden(denied.reason)
