"""Refuses what an agent yields and its run could not be ended with: agents that are not ours may yield anything."""

from __future__ import annotations

from datetime import datetime
from typing import TypeGuard, get_args

from agentos.domain.event import Step, StepStatus
from agentos.domain.usage import MOST_TOKENS, Usage
from agentos.errors import AgentFailed

MOST_SECONDS = 10**9
STATUSES = get_args(StepStatus)


def check_usage(agent_id: str, usage: Usage) -> None:
    """Refuse counts that neither JSON nor a database column can hold."""
    cached = 0 if usage.cached_tokens is None else usage.cached_tokens
    for count in (usage.prompt_tokens, usage.completion_tokens, usage.reasoning_tokens, cached):
        if not isinstance(count, int) or not 0 <= count <= MOST_TOKENS:
            raise AgentFailed(f"agent {agent_id!r} yielded {usage!r:.200}; accepted are counts from 0 to {MOST_TOKENS}")


def check_step(agent_id: str, step: Step) -> None:
    """Refuse a step that the run's record cannot hold."""
    if step.usage is not None:
        check_usage(agent_id, step.usage)
    first = step.time_to_first_token
    begun = step.started_at
    if not (
        step.status in STATUSES
        and isinstance(step.attempt, int)
        and 1 <= step.attempt <= MOST_TOKENS
        and are_seconds(step.duration)
        and (first is None or are_seconds(first))
        and (begun is None or (isinstance(begun, datetime) and begun.tzinfo is not None))
    ):
        raise AgentFailed(
            f"agent {agent_id!r} yielded {step!r:.300}; accepted are the status {', '.join(STATUSES)}, an attempt from"
            f" 1 on, durations from 0 to {MOST_SECONDS} seconds, and a started_at with a time zone"
        )


def are_seconds(value: object) -> TypeGuard[float]:
    """Tell whether a value is a duration that a record can hold."""
    return isinstance(value, (int, float)) and 0 <= value <= MOST_SECONDS
