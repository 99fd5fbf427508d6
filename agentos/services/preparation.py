"""Finds the agent of a run again, at the worker that claimed it."""

from __future__ import annotations

from functools import partial

from agentos.config import Config
from agentos.domain.run import Run
from agentos.errors import AgentFailed
from agentos.execution.preparation import Prepared
from agentos.execution.run_limits import RunLimits
from agentos.services.agents import AgentService
from agentos.services.overrides import overridden


class RunPreparation:
    """Makes agents ready for single runs, with what a run's request overrides.

    A stored agent is the version with which the run was accepted, an agent in code is as the code is now.
    """

    def __init__(self, agents: AgentService, config: Config) -> None:
        self._agents = agents
        self._config = config

    def __call__(self, run: Run) -> Prepared:
        """Return the agent and the limits of a run.

        Raises ``AgentNotFound``, ``AgentVersionNotFound``, ``ExecutionError`` where a part of the agent is missing, and
        for a request of which this version does not know a part: that may be a limit.
        """
        request = run.request
        if request is not None and request.unknown:
            raise AgentFailed(
                f"a newer version of AgentOS accepted the run, and this one does not know {', '.join(request.unknown)}"
                " of its request; run that version or a newer one"
            )
        agent = self._agents.resolve(run.agent_id, run.agent_version)
        if request is not None:
            agent = overridden(agent, request.overrides)
        return Prepared(
            agent, RunLimits.of(agent, self._config, request), moved=partial(self._agents.moved, run.agent_id)
        )
