"""Errors in Anthropic's form, and which of them its clients may try again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson
from flask import Response

from agentos import AgentNotFound, AgentOSError
from agentos.web import ErrorReport, NotFound, may_be_repeated, run_error_status

OFFERED = "/v1/messages, /v1/messages/count_tokens and /v1/models"

REQUEST_ID = "request-id"
"""The header that the clients read."""

SHOULD_RETRY = "x-should-retry"
"""The header that the clients obey. Without it, libraries repeat 408, 409, 429 and 5xx, and Claude Code a 401."""

_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    410: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}

_STATUSES = {
    "CONTEXT_TOO_LONG": 400,
    "CONTENT_FILTERED": 400,
    "QUOTA_EXHAUSTED": 402,
    "PROVIDER_RATE_LIMITED": 529,
    "PROVIDER_UNAVAILABLE": 529,
}
"""Anthropic's own statuses, by the cause of a failed run, where ours is another one."""

_TOO_LONG = "prompt is too long: {message}"
"""Anthropic's words: clients look for them in the message, and then shorten their conversation."""

_NAMES = (
    (re.compile(r"overrides\.parameters\.stop(?!\w)"), "stop_sequences"),
    (re.compile(r"overrides\.parameters\.reasoning_effort"), "output_config.effort"),
    (re.compile(r"overrides\.parameters\."), ""),
    (re.compile(r"overrides\.client_tools"), "tools"),
    (re.compile(r"overrides\.instructions"), "system"),
    (re.compile(r"overrides\.output_schema"), "output_config.format"),
    (re.compile(r"input(?![\w.])"), "messages"),
)
"""The dialect's names of fields, by what ours begin with."""


def model_not_found(model: str) -> AgentOSError:
    """Return the error for a model that does not exist."""
    return AgentNotFound(model)


def error_json(status: int, code: str, message: str, details: Mapping[str, Any]) -> dict[str, Any]:
    """Return an error of ours, of this status in the dialect, as the ``error`` object.

    Clients have the cause as ``error_code``: our code or that of a failed run, in lower case, or one of Anthropic's.
    """
    fields = details.get("fields")
    if isinstance(fields, Mapping) and fields:
        ours = str(next(iter(fields)))
        name = _own_name(ours)
        message = message.replace(f"override {ours.rpartition('.')[2]!r}", f"field {name!r}")
        quoted = "" if ours.startswith("overrides.") else "'"  # a word such as "input" may be no field
        message = message.replace(f"{quoted}{ours}{quoted}", f"{quoted}{name}{quoted}")
    if details.get("cause") == "CONTEXT_TOO_LONG":
        message = _TOO_LONG.format(message=message)
    kind = _TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    cause = details.get("error_code") or str(details.get("cause") or code).lower()
    return {"type": kind, "message": message, "details": {"error_code": cause}}


def status_of(status: int, details: Mapping[str, Any]) -> int:
    """Return the dialect's status of an error with one of ours."""
    return _STATUSES.get(str(details.get("cause")), status)


def failed_run_json(error: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of an ``error`` event of a run as the ``error`` object."""
    details = error.get("details", {})
    status = status_of(run_error_status(error["code"], details), details)
    return error_json(status, error["code"], error["message"], details)


def render_error(report: ErrorReport) -> Response:
    """Return an error as Anthropic's clients read it."""
    message = report.message
    if report.code == NotFound.code:
        message += f"; offered are {OFFERED}"
    status = status_of(report.status, report.details)
    error = error_json(status, report.code, message, report.details)
    body = {"type": "error", "error": error, "request_id": report.request_id}
    response = Response(orjson.dumps(body, default=str), content_type="application/json")
    response.status_code = status
    response.headers[REQUEST_ID] = report.request_id
    response.headers[SHOULD_RETRY] = "true" if may_be_repeated(report.code, report.details) else "false"
    return response


def _own_name(field: str) -> str:
    """Return the dialect's name of a field."""
    for ours, theirs in _NAMES:
        if match := ours.match(field):
            return theirs + field[match.end() :]
    return field
