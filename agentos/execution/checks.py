"""Refuses what an agent yields and its run could not be ended with: agents that are not ours may yield anything."""

from __future__ import annotations

from datetime import datetime
from typing import get_args

from agentos.domain.event import Step, StepStatus
from agentos.domain.usage import MOST_TOKENS, Usage
from agentos.errors import AgentFailed

MOST_SECONDS = 10**9


def check_usage(agent_id: str, usage: Usage) -> None:
    """Refuse counts that neither JSON nor a database column can hold."""
    counts = [usage.prompt_tokens, usage.completion_tokens, usage.reasoning_tokens]
    if usage.cached_tokens is not None:
        counts.append(usage.cached_tokens)
    if not all(isinstance(count, int) and 0 <= count <= MOST_TOKENS for count in counts):
        raise AgentFailed(f"agent {agent_id!r} yielded {usage!r:.200}; accepted are counts from 0 to {MOST_TOKENS}")


def check_step(agent_id: str, step: Step) -> None:
    """Refuse a step that the run's record cannot hold."""
    if step.usage is not None:
        check_usage(agent_id, step.usage)
    seconds = (step.duration, 0.0 if step.time_to_first_token is None else step.time_to_first_token)
    begun = step.started_at
    if not (
        step.status in get_args(StepStatus)
        and isinstance(step.attempt, int)
        and 1 <= step.attempt <= MOST_TOKENS
        and all(isinstance(one, int | float) and 0 <= one <= MOST_SECONDS for one in seconds)
        and (begun is None or (isinstance(begun, datetime) and begun.tzinfo is not None))
    ):
        raise AgentFailed(
            f"agent {agent_id!r} yielded {step!r:.300}; accepted are the status {', '.join(get_args(StepStatus))}, an"
            f" attempt from 1 on, durations from 0 to {MOST_SECONDS} seconds, and a started_at with a time zone"
        )
