"""Refuses what an agent yields and its run could not be ended with: agents that are not ours may yield anything."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TypeGuard, get_args

import orjson

from agentos.domain.event import Step, StepStatus, ToolCallEvent
from agentos.domain.pending import PendingAction, pending_json
from agentos.domain.text import clean, is_clean
from agentos.domain.usage import MOST_TOKENS, Usage
from agentos.errors import AgentFailed
from agentos.storage.pause_documents import action_text

MOST_SECONDS = 10**9
STATUSES = get_args(StepStatus)

LONGEST_ACTION_ID = 255
"""Characters of the id of a pending action."""


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
        and (begun is None or _is_aware(begun))
    ):
        raise AgentFailed(
            f"agent {agent_id!r} yielded {step!r:.300}; accepted are the status {', '.join(STATUSES)}, an attempt from"
            f" 1 on, durations from 0 to {MOST_SECONDS} seconds, and a started_at with a time zone"
        )


def checked_tool_call(agent_id: str, event: ToolCallEvent) -> ToolCallEvent:
    """Return a tool call with clean texts. A result that is no text becomes its JSON, as a model reads it.

    Raises ``AgentFailed`` where the id or the name is no text.
    """
    id, name, result, error = event.tool_call_id, event.tool_name, event.result, event.error
    if not isinstance(id, str) or not isinstance(name, str):
        raise AgentFailed(
            f"agent {agent_id!r} yielded {event!r:.300}; accepted are texts as tool_call_id and tool_name"
        )
    texts = [text for text in (result, error) if text is not None]
    if all(isinstance(text, str) and is_clean(text) for text in (id, name, *texts)):
        return event
    said, failure = _text_or_none(result), _text_or_none(error)
    return replace(event, tool_call_id=clean(id), tool_name=clean(name), result=said, error=failure)


def checked_action(agent_id: str, action: PendingAction) -> PendingAction:
    """Return an action with clean texts. Raises ``AgentFailed`` for one that cannot be stored or shown."""
    try:
        call = replace(
            action.call, id=clean(action.call.id), name=clean(action.call.name), arguments=clean(action.call.arguments)
        )
        action = replace(action, call=call, message=_clean_or_none(action.message), rule=_clean_or_none(action.rule))
        fits = is_clean(action.id) and is_clean(action.arguments_hash) and 0 < len(action.id) <= LONGEST_ACTION_ID
        fits = fits and _is_aware(action.created_at) and (action.expires_at is None or _is_aware(action.expires_at))
        action_text(action)
        orjson.dumps(pending_json(action))
    except (AttributeError, TypeError, ValueError, RecursionError):
        fits = False
    if not fits:
        raise AgentFailed(
            f"agent {agent_id!r} asked for a pause with {action!r:.300}; accepted are texts, JSON, times with a time"
            f" zone, and an id of 1 to {LONGEST_ACTION_ID} characters"
        )
    return action


def are_seconds(value: object) -> TypeGuard[float]:
    """Tell whether a value is a duration that a record can hold."""
    return isinstance(value, (int, float)) and 0 <= value <= MOST_SECONDS


def _is_aware(value: object) -> bool:
    return isinstance(value, datetime) and value.tzinfo is not None


def _text_or_none(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return _clean_or_none(value)
    try:
        return clean(orjson.dumps(value, default=str).decode())
    except (TypeError, RecursionError):  # a circle, or keys that are no texts
        return clean(repr(value))


def _clean_or_none(text: str | None) -> str | None:
    return None if text is None else clean(text)
