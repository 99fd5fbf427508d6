"""What the framework raises, as failures with causes that clients may know."""

from __future__ import annotations

import re

from agentos_guest import Failed
from agentos_guest.errors import Cause
from pydantic_ai import exceptions

_CAUSES: list[tuple[type[Exception], Cause, str]] = [
    (exceptions.ModelRateLimitError, "PROVIDER_RATE_LIMITED", "the model server's rate limit is reached"),
    (exceptions.ModelQuotaExceededError, "QUOTA_EXHAUSTED", "the quota at the model server is used up"),
    (exceptions.ModelUnavailableError, "PROVIDER_UNAVAILABLE", "the model server is not available"),
    (exceptions.ModelServerError, "PROVIDER_UNAVAILABLE", "the model server failed"),
    (exceptions.ModelConnectionError, "PROVIDER_UNAVAILABLE", "the model server could not be reached"),
    (exceptions.ModelRequestTimeout, "PROVIDER_UNAVAILABLE", "the model server did not answer in time"),
    (exceptions.ModelContextWindowExceededError, "CONTEXT_TOO_LONG", "the conversation is longer than the model takes"),
    (exceptions.ModelAPIError, "PROVIDER_ERROR", "the model server refused the request"),
    (exceptions.ContentFilterError, "CONTENT_FILTERED", "the provider's content filter refused the prompt or answer"),
    (exceptions.OutputTokenLimitExceeded, "AGENT_FAILED", "the output limit cut the model's answer off"),
    (exceptions.UsageLimitExceeded, "TURN_LIMIT", "the agent reached its usage limit"),
]
"""The first row that fits counts: subclasses stand before their bases. No text of an exception goes to clients."""

_CODE = re.compile(r"[\w.-]{1,64}")


def as_failed(error: BaseException) -> Failed | None:
    """Return the failure that an exception is, or ``None`` for one that is the agent's own matter."""
    if isinstance(error, Failed):
        return None
    if isinstance(error, exceptions.FallbackExceptionGroup):
        # All models were tried. The last one's failure is why the run ended.
        return as_failed(error.exceptions[-1])
    for kind, cause, message in _CAUSES:
        if isinstance(error, kind):
            return Failed(message + _details(error), cause=cause)
    return None


def _details(error: Exception) -> str:
    """Return what is known not to quote anybody: the status, and the provider's own code for what went wrong."""
    details = [f"status {error.status_code}"] if isinstance(error, exceptions.ModelHTTPError) else []
    code = getattr(error, "provider_error_code", None) or getattr(error, "provider_error_type", None)
    if code and _CODE.fullmatch(str(code)):
        details.append(str(code))
    return f" ({', '.join(details)})" if details else ""
