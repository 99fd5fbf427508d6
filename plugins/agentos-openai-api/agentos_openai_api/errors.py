"""Errors in OpenAI's form, and which of them its clients may try again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from flask import Response

from agentos import AgentNotFound, AgentOSError
from agentos.web import ErrorReport, NotFound

OFFERED = "/v1/models, /v1/chat/completions, /v1/responses and /v1/conversations"

SHOULD_RETRY = "x-should-retry"
"""The header that the clients obey. Without it they repeat each 408, 409, 429 and 5xx, twice."""

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}

_CODES = {
    "AGENT_NOT_FOUND": "model_not_found",
    "UNAUTHENTICATED": "invalid_api_key",
    "RATE_LIMITED": "rate_limit_exceeded",
    "CONTEXT_TOO_LONG": "context_length_exceeded",
    "CONTENT_FILTERED": "content_filter",
    "QUOTA_EXHAUSTED": "insufficient_quota",
}
"""OpenAI's own codes, by ours or by the cause of a failed run. The others are ours in lower case."""

_STATUSES = {"CONTEXT_TOO_LONG": 400, "CONTENT_FILTERED": 400}
"""OpenAI's own statuses, by the cause of a failed run, where ours is another one."""

_TOO_LONG = "Your input exceeds the context window: this model's maximum context length is exceeded ({code}). {message}"
"""OpenAI's words and its code: LangChain and LiteLLM look for them in the message."""

_MAY_BE_REPEATED = frozenset(
    {
        "AUTHENTICATION_UNAVAILABLE",
        "PROVIDER_RATE_LIMITED",
        "PROVIDER_UNAVAILABLE",
        "RATE_LIMITED",
        "SESSION_BUSY",
        "SHUTTING_DOWN",
        "STORAGE_ERROR",
        "TOO_MANY_STREAMS",
    }
)
"""What a client may try again by itself. Not a run that took too long or was lost: its tools have been called."""


def model_not_found(model: str) -> AgentOSError:
    """Return the error for a model that does not exist."""
    return AgentNotFound(model)


def error_json(
    status: int, code: str, message: str, details: Mapping[str, Any], *, param: str | None = None
) -> dict[str, Any]:
    """Return an error of ours as the ``error`` object."""
    cause = details.get("cause")
    known = _CODES.get(str(cause)) or _CODES.get(code)
    fields = details.get("fields")
    if param is None and isinstance(fields, Mapping) and fields:
        param = _own_words(str(next(iter(fields))))
        message = _own_words(message)
    if param is None and code == "AGENT_NOT_FOUND":
        param = "model"
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    message = message_of(str(cause), message)
    return {"message": message, "type": kind, "param": param, "code": known or str(cause or code).lower()}


def message_of(cause: str, message: str) -> str:
    """Return the message of a failed run in the words that clients know."""
    if cause == "CONTEXT_TOO_LONG":
        return _TOO_LONG.format(code=_CODES[cause], message=message)
    return message


def _own_words(text: str) -> str:
    """Return a text with the dialect's names of the fields that we name otherwise."""
    for ours, theirs in _FIELDS.items():
        text = text.replace(ours, theirs)
    return text


_FIELDS = {
    "overrides.parameters.": "",
    "overrides.client_tools": "tools",
    "overrides.output_schema": "response_format",
    "overrides.instructions": "instructions",
}


def render_error(report: ErrorReport) -> Response:
    """Return an error as OpenAI's clients read it."""
    message = report.message
    if report.code == NotFound.code:
        message += f"; offered are {OFFERED}"
    body = {"error": error_json(report.status, report.code, message, report.details)}
    response = Response(orjson.dumps(body, default=str), content_type="application/json")
    response.status_code = _STATUSES.get(str(report.details.get("cause")), report.status)
    if report.status >= 500 or report.status in (408, 409, 429):
        response.headers[SHOULD_RETRY] = "true" if may_be_repeated(report.code, report.details) else "false"
    return response


def may_be_repeated(code: str, details: Mapping[str, Any]) -> bool:
    """Return whether the same request may succeed when it comes again, and does nothing twice."""
    if details.get("pending"):  # a session with a paused run is busy until that is answered
        return False
    return str(details.get("cause") or code) in _MAY_BE_REPEATED
