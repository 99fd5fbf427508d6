"""Errors in OpenAI's form, and which of them its clients may try again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson
from flask import Response, request

from agentos import AgentNotFound, AgentOSError
from agentos.web import ErrorReport, NotFound, may_be_repeated

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


def model_not_found(model: str) -> AgentOSError:
    """Return the error for a model that does not exist."""
    return AgentNotFound(model)


_NAMES = (
    (re.compile(r"overrides\.parameters\."), ""),
    (re.compile(r"overrides\.client_tools"), "tools"),
    (re.compile(r"overrides\.instructions"), "instructions"),
)
_CHAT_NAMES = (
    *_NAMES,
    (re.compile(r"overrides\.output_schema"), "response_format"),
    (re.compile(r"input(?![\w.])"), "messages"),
)
_RESPONSE_NAMES = (
    *_NAMES,
    (re.compile(r"overrides\.output_schema"), "text.format"),
    (re.compile(r"messages(\[\d+\][\w.\[\]]*)?"), "input"),
)
"""The dialect's names of fields, by what ours begin with; of a chain, the client does not know the places."""


def error_json(status: int, code: str, message: str, details: Mapping[str, Any], *, path: str = "") -> dict[str, Any]:
    """Return an error of ours as the ``error`` object. ``path`` is that of the request, for the names of its fields."""
    cause = details.get("cause")
    known = _CODES.get(str(cause)) or _CODES.get(code)
    fields = details.get("fields")
    param = "model" if code == "AGENT_NOT_FOUND" else None
    if isinstance(fields, Mapping) and fields:
        ours = str(next(iter(fields)))
        param = _own_name(ours, path)
        quoted = "" if ours.startswith("overrides.") else "'"  # a word such as "input" may be no field
        message = message.replace(f"{quoted}{ours}{quoted}", f"{quoted}{param}{quoted}")
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    message = message_of(str(cause), message)
    return {"message": message, "type": kind, "param": param, "code": known or str(cause or code).lower()}


def message_of(cause: str, message: str) -> str:
    """Return the message of a failed run in the words that clients know."""
    if cause == "CONTEXT_TOO_LONG":
        return _TOO_LONG.format(code=_CODES[cause], message=message)
    return message


def _own_name(field: str, path: str) -> str:
    """Return the dialect's name of a field."""
    for ours, theirs in _RESPONSE_NAMES if path.startswith("/v1/responses") else _CHAT_NAMES:
        if match := ours.match(field):
            return theirs + field[match.end() :]
    return field


def render_error(report: ErrorReport) -> Response:
    """Return an error as OpenAI's clients read it."""
    message = report.message
    if report.code == NotFound.code:
        message += f"; offered are {OFFERED}"
    body = {"error": error_json(report.status, report.code, message, report.details, path=request.path)}
    response = Response(orjson.dumps(body, default=str), content_type="application/json")
    response.status_code = _STATUSES.get(str(report.details.get("cause")), report.status)
    if report.status >= 500 or report.status in (408, 409, 429):
        response.headers[SHOULD_RETRY] = "true" if may_be_repeated(report.code, report.details) else "false"
    return response
