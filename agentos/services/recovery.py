"""What happens to a run after its worker was lost."""

from __future__ import annotations

from agentos.config import Config
from agentos.domain.run import Run
from agentos.errors import AgentOSError
from agentos.execution.run_limits import RunLimits, agent_setting
from agentos.execution.runner import Runner
from agentos.services.agents import AgentService


def resume(run: Run, *, agents: AgentService, runner: Runner, config: Config) -> bool:
    """Execute a run that this worker took over, if it had not begun or its agent allows that; return whether it is."""
    try:
        agent = agents.resolve(run.agent_id)
    except AgentOSError:
        return False
    may_start_over = agent_setting(agent, "retry_on_crash", False) and run.attempt <= config.max_attempts
    if run.started_at is not None and not may_start_over:
        return False
    # Whether it was streamed or in the background is not kept; no client of /run waits for it any more.
    longest = max(config.stream_timeout, config.background_timeout)
    runner.resume(run, agent, RunLimits.of(agent, config, timeout=longest))
    return True
