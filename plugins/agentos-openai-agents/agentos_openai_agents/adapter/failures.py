"""What clients may read of the SDK's errors, and of those of the ``openai`` package."""

from __future__ import annotations

import agents
import openai
from agentos_guest import Failed
from agentos_guest.errors import Cause

PROVIDER_CODES: dict[str | None, tuple[Cause, str]] = {
    "insufficient_quota": ("QUOTA_EXHAUSTED", "the quota of the model's account is used up"),
    "context_length_exceeded": ("CONTEXT_TOO_LONG", "the conversation is too long for the model"),
    "content_filter": ("CONTENT_FILTERED", "the model's provider refused the content"),
    "content_policy_violation": ("CONTENT_FILTERED", "the model's provider refused the content"),
}
"""By the ``code`` of an error of the API."""


def failure_of(error: Exception, cut: str | None = None) -> Failed | None:
    """Return how the run fails for its client; ``None`` where clients must not read anything about the error.

    ``cut`` is why the last response was not complete, if it was not.
    """
    if isinstance(error, agents.MaxTurnsExceeded):
        return Failed("the agent still wanted to act after its last turn; raise its max_turns", cause="TURN_LIMIT")
    if isinstance(error, (agents.InputGuardrailTripwireTriggered, agents.OutputGuardrailTripwireTriggered)):
        return _stopped(error.guardrail_result.guardrail)
    if isinstance(error, (agents.ToolInputGuardrailTripwireTriggered, agents.ToolOutputGuardrailTripwireTriggered)):
        return _stopped(error.guardrail)
    if isinstance(error, agents.ModelRefusalError):
        return Failed("the model refused to answer", cause="CONTENT_FILTERED")
    if isinstance(error, agents.ModelTimeoutError):
        return Failed("the model did not answer in time", cause="PROVIDER_UNAVAILABLE")
    if isinstance(error, agents.ModelBehaviorError) and cut == "content_filter":
        return Failed("the model's provider refused the content", cause="CONTENT_FILTERED")
    if isinstance(error, agents.ModelBehaviorError) and cut == "length":
        return Failed("the model's answer was cut by its output limit", cause="PROVIDER_ERROR")
    if isinstance(error, agents.ModelBehaviorError):
        return Failed("the model returned what the agent cannot use", cause="PROVIDER_ERROR")
    return _provider_failure(error) if isinstance(error, openai.APIError) else None


def _stopped(guardrail: agents.InputGuardrail[object]) -> Failed:
    return Failed(f"the guardrail {guardrail.get_name()!r} stopped the run", cause="CONTENT_FILTERED")


def _provider_failure(error: openai.APIError) -> Failed:
    if error.code in PROVIDER_CODES:
        cause, message = PROVIDER_CODES[error.code]
        return Failed(message, cause=cause)
    if isinstance(error, openai.RateLimitError):
        return Failed("the model's provider limits the rate of requests", cause="PROVIDER_RATE_LIMITED")
    if isinstance(error, openai.APIStatusError):
        return Failed(
            f"the model's provider answered with status {error.status_code}",
            cause="PROVIDER_UNAVAILABLE" if error.status_code >= 500 else "PROVIDER_ERROR",
        )
    if isinstance(error, openai.APIConnectionError):
        return Failed("the model's provider cannot be reached", cause="PROVIDER_UNAVAILABLE")
    return Failed("the model's provider reported an error", cause="PROVIDER_ERROR")
