"""Agno's errors, which are events with a text, as causes. The texts may hold secrets and stay in the log."""

from __future__ import annotations

import re
from typing import Any

from agentos_guest import Failed
from agno.exceptions import ModelProviderError

_RATE = re.compile(r"rate.?limit|too many requests|\b429\b|\b529\b|overloaded", re.IGNORECASE)
_AWAY = re.compile(r"connection|timed? ?out|unavailable|server (had an )?error|\b50[0234]\b", re.IGNORECASE)
_QUOTA = re.compile(r"insufficient_quota|exceeded your current quota|billing", re.IGNORECASE)
_CHECKS = {"input_check_error": "input", "output_check_error": "answer"}


class AgnoError(Exception):
    """What Agno says of an error. Only for the log."""


def failure(event: Any) -> Exception:
    """Return how a run ends with this error event."""
    kind, text = str(event.error_type or ""), str(event.content or "")
    # The log has the name of an error's class, and its text only where the operator allows that.
    cause = type(kind if kind.isidentifier() else "AgnoError", (AgnoError,), {})(text)
    failed: Exception = cause
    if kind in _CHECKS:
        trigger = f" ({event.error_id})" if event.error_id else ""
        failed = Failed(f"a check of the agent refused the {_CHECKS[kind]}{trigger}", cause="CONTENT_FILTERED")
    elif kind == "model_authentication_error":
        failed = Failed("the model's provider refused the agent's key", cause="PROVIDER_ERROR")
    elif kind == "model_provider_error":
        failed = _provider(text)
    failed.__cause__ = None if failed is cause else cause
    return failed


def _provider(text: str) -> Failed:
    """Return the cause by the words of the error: the event does not say its status or its class."""
    if any(pattern in text.lower() for pattern in ModelProviderError.CONTEXT_WINDOW_PATTERNS):
        return Failed("the conversation is too long for the model", cause="CONTEXT_TOO_LONG")
    if _QUOTA.search(text):
        return Failed("the account at the model's provider has no quota left", cause="QUOTA_EXHAUSTED")
    if _RATE.search(text):
        return Failed("the model's provider limits the rate of requests", cause="PROVIDER_RATE_LIMITED")
    if _AWAY.search(text):
        return Failed("the model's provider cannot be reached", cause="PROVIDER_UNAVAILABLE")
    return Failed("the model's provider refused the request", cause="PROVIDER_ERROR")
