"""What happens to a run after its worker was lost."""

from __future__ import annotations

from agentos.config import Config
from agentos.domain.run import Run
from agentos.errors import AgentOSError
from agentos.execution.run_limits import RunLimits, agent_setting
from agentos.execution.runner import Runner
from agentos.services.agents import AgentService


class RunRecovery:
    """Decides whether this worker executes a run that it took over."""

    def __init__(self, agents: AgentService, runner: Runner, config: Config) -> None:
        self._agents = agents
        self._runner = runner
        self._config = config

    def resume(self, run: Run) -> bool:
        """Execute a run that was taken over, if it had not begun or its agent allows that; return whether it is."""
        try:
            agent = self._agents.resolve(run.agent_id)
        except AgentOSError:
            return False
        may_start_over = agent_setting(agent, "retry_on_crash", False) and run.attempt <= self._config.max_attempts
        if run.started_at is not None and not may_start_over:
            return False
        # Whether it was streamed or in the background is not kept; no client of /run waits for it any more.
        longest = max(self._config.stream_timeout, self._config.background_timeout)
        self._runner.resume(run, agent, RunLimits.of(agent, self._config, timeout=longest))
        return True
