"""Every error as the JSON that the contract promises, from any code; the one table from codes to HTTP statuses."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from flask import Flask, Request, Response, current_app, request
from werkzeug.exceptions import HTTPException, InternalServerError

from agentos.api.kit.current import request_notes, this_request
from agentos.api.kit.doors import Door, ErrorReport
from agentos.api.kit.middleware import request_id
from agentos.domain.run import RunError
from agentos.errors import (
    AgentOSError,
    AuthenticationUnavailable,
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    RequestTooLarge,
    ShuttingDown,
    StorageError,
    Unauthenticated,
    UnsupportedMediaType,
)
from agentos.observability.content import UntrustedText
from agentos.observability.redaction import redact, redact_details
from agentos.observability.repeated import RepeatedLines

CODE_STATUS: dict[str, int] = {
    "INVALID_REQUEST": 400,
    "INVALID_MEDIA": 400,
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "AGENT_NOT_FOUND": 404,
    "AGENT_VERSION_NOT_FOUND": 404,
    "SESSION_NOT_FOUND": 404,
    "RUN_NOT_FOUND": 404,
    "SUMMARY_NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "AGENT_EXISTS": 409,
    "SESSION_BUSY": 409,
    "RUN_FINISHED": 409,
    "RUN_ACTIVE": 409,
    "RUN_REQUIRED": 409,
    "RUN_CANCELLED": 409,
    "IDEMPOTENCY_CONFLICT": 409,
    "EVENTS_EXPIRED": 410,
    "ALREADY_ANSWERED": 409,
    "PENDING_EXPIRED": 410,
    "PRECONDITION_FAILED": 412,
    "REQUEST_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "IDEMPOTENCY_MISMATCH": 422,
    "RATE_LIMITED": 429,
    "TOO_MANY_STREAMS": 429,
    "EXECUTION_ERROR": 500,
    "STORAGE_ERROR": 503,
    "AUTHENTICATION_UNAVAILABLE": 503,
    "SHUTTING_DOWN": 503,
    "INTERNAL_ERROR": 500,
}

CAUSE_STATUS: dict[str, int] = {
    "AGENT_FAILED": 500,
    "TURN_LIMIT": 500,
    "WORKER_LOST": 500,
    "GUEST_LOST": 500,
    "CONTEXT_TOO_LONG": 422,
    "CONTENT_FILTERED": 422,
    "PROVIDER_ERROR": 502,
    "PROVIDER_UNAVAILABLE": 503,
    "PROVIDER_RATE_LIMITED": 503,
    "QUOTA_EXHAUSTED": 503,
    "TIMEOUT": 504,
}
"""The statuses of ``EXECUTION_ERROR`` by ``details.cause``."""

LATER = (429, 503)
"""Statuses that have a ``Retry-After``, but for the causes in :data:`FINAL`."""

FINAL = ("QUOTA_EXHAUSTED",)
"""Causes for which trying again does not help, though clients try again after a status such as theirs."""

SHOULD_RETRY = "x-should-retry"
"""The header that tells the clients of OpenAI and Anthropic whether to try again."""

LONGEST_WAIT = 10**9
"""Seconds from which a provider's wish is no time to wait."""
RETRY_AFTER: dict[str, int] = {
    "AUTHENTICATION_UNAVAILABLE": 5,
    "RATE_LIMITED": 5,
    "TOO_MANY_STREAMS": 5,
    "STORAGE_ERROR": 1,
    "SHUTTING_DOWN": 5,
    "EXECUTION_ERROR": 5,
}
"""Seconds after which it is worth trying again, where such an answer does not know better."""

HTTP_ERRORS: dict[int, type[AgentOSError]] = {
    404: NotFound,
    405: MethodNotAllowed,
    413: RequestTooLarge,
    415: UnsupportedMediaType,
}
"""Our errors for those that routing and reading raise; other 4xx are ``INVALID_REQUEST`` under their own status."""

CHALLENGE = 'Bearer realm="agentos"'
"""How a caller can say who it is (RFC 6750), which every 401 must tell (RFC 9110, section 15.5.2)."""

BUG = "something went wrong in the server; its log has the reason under this request id"

logger = logging.getLogger(__name__)

OUTAGES = {kind.code: RepeatedLines(logger) for kind in (StorageError, AuthenticationUnavailable, ShuttingDown)}
"""Counts the lines of errors that each request has for a while; the line of the request itself has its status."""


def status_of(code: str, details: Mapping[str, Any]) -> int:
    """Return the HTTP status of an error."""
    if code == "EXECUTION_ERROR":
        return CAUSE_STATUS.get(str(details.get("cause")), 500)
    return CODE_STATUS[code]


def error_status(error: AgentOSError) -> int | None:
    """Return the HTTP status of an error: its code's, else that of the class of ours that it is derived from.

    ``None`` for an error that is not a client's business.
    """
    code = _known_code(type(error))
    return None if code is None else status_of(code, error.details)


def has_status(kind: type[AgentOSError]) -> bool:
    """Return whether errors of a class are answered as they are."""
    return _known_code(kind) is not None


def _known_code(kind: type[AgentOSError]) -> str | None:
    if kind.code in CODE_STATUS:
        return kind.code
    bases = [base.code for base in kind.__mro__ if issubclass(base, AgentOSError) and base is not AgentOSError]
    return next((code for code in bases if code in CODE_STATUS), None)


def class_status(kind: type[AgentOSError]) -> int:
    """Return the HTTP status of errors of a class, where it does not depend on what they say."""
    return CODE_STATUS[_known_code(kind) or "INTERNAL_ERROR"]


def handle_errors(app: Flask) -> None:
    """Have every error of an application answered as JSON."""
    app.register_error_handler(AgentOSError, _own_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _bug)


def run_error_status(code: str, details: Mapping[str, Any]) -> int:
    """Return the HTTP status that a run's error has when it is answered: 500 for a code that is not known here."""
    return status_of(code, details) if code in CODE_STATUS else 500


def run_error_response(error: RunError, *, final: bool = False) -> Response:
    """Return the answer to a run that did not complete.

    ``final``: the same request would get this error again, as one with the same `Idempotency-Key` does. Then clients
    are asked not to send it again, for any error.
    """
    status = run_error_status(error.code, error.details)
    retry_after = None if final else _retry_after(error.details)
    return _answer(status, error.code, error.error, error.message, error.details, retry_after, final=final)


def _retry_after(details: Mapping[str, Any]) -> float | None:
    """Return what the provider of a failed run asked for, which is kept with the run."""
    seconds = details.get("retry_after")
    known = isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 <= seconds < LONGEST_WAIT
    return seconds if known else None


def _own_error(error: AgentOSError) -> Response:
    status = error_status(error)
    if status is None:
        return _bug(error)  # an error of configuration or of a plugin is no client's business
    if status >= 500:
        told = {"request_id": request_id(), "code": error.code, "reason": UntrustedText(error.message)}
        lines = OUTAGES.get(error.code, logger)
        lines.warning("request failed", extra=told, exc_info=error if error.__cause__ else None)
    return _answer(status, error.code, error.phrase, error.message, error.details, error.retry_after)


def _http_error(error: HTTPException) -> Response:
    if isinstance(error, InternalServerError) and isinstance(error.original_exception, Exception):
        return _bug(error.original_exception)  # a view's value that could not be made an answer
    status = error.code or 500
    if status < 400:  # a redirect that a plugin's blueprint made
        made = error.get_response()
        return Response(made.get_data(), status, made.headers)
    ours = HTTP_ERRORS.get(status, InvalidRequest if status < 500 else InternalError)
    answer = _answer(status, ours.code, ours.phrase, _http_message(status, error))
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            answer.headers[name] = value  # `Allow` of a 405, `Retry-After` of a 503
    return answer


def _http_message(status: int, error: HTTPException) -> str:
    if status == 404:
        described = "docs.get_openapi" in current_app.view_functions
        return f"there is nothing at {request.path!r:.200}" + "; /openapi.yaml describes what there is" * described
    if status == 405:
        allowed = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
        return f"{request.method[:20]} is not allowed at {request.path!r:.200}; allowed are {allowed}"
    return (error.description or error.name) if status < 500 else BUG


def _bug(error: Exception) -> Response:
    fields = {"request_id": request_id(), "path": request.path}
    plugin_of: Callable[[Request], str | None] = current_app.extensions["agentos.plugin_of"]
    if (plugin := plugin_of(this_request())) is not None:
        fields["plugin"] = plugin
    logger.error("unexpected error", exc_info=error, extra=fields)
    return _answer(500, InternalError.code, InternalError.phrase, BUG)


def _answer(
    status: int,
    code: str,
    phrase: str,
    message: str,
    details: Mapping[str, Any] | None = None,
    retry_after: float | None = None,
    *,
    final: bool = False,
) -> Response:
    request_notes()["error_code"] = code
    report = ErrorReport(
        status=status,
        code=code,
        phrase=phrase,
        message=_valid(redact(message)),
        request_id=request_id(),
        details=redact_details(details) if details else {},
        retry_after=retry_after,
    )
    answer = _rendered(report)
    if final or (details is not None and details.get("cause") in FINAL):
        answer.headers[SHOULD_RETRY] = "false"
    elif status in LATER and retry_after is None:
        retry_after = RETRY_AFTER.get(code)
    if code == Unauthenticated.code:
        answer.headers["WWW-Authenticate"] = CHALLENGE
    if retry_after is not None:
        answer.headers["Retry-After"] = str(max(1, math.ceil(retry_after)))
    return answer


def _rendered(report: ErrorReport) -> Response:
    """Return an error in the form of the door that the request came to, or in ours."""
    door_of: Callable[[Request], Door | None] = current_app.extensions["agentos.door_of"]
    door = door_of(this_request())
    if door is not None and door.render is not None:
        try:
            made = door.render(report)
            if isinstance(made, Response):
                if made.status_code < 400:
                    made.status_code = report.status
                return made
            return Response(orjson.dumps(made, default=str), report.status, content_type="application/json")
        except Exception:  # a plugin's own code
            logger.exception("error renderer failed", extra={"routes": door.tag, "request_id": report.request_id})
    body: dict[str, Any] = {
        "error": report.phrase,
        "message": report.message,
        "code": report.code,
        "request_id": report.request_id,
    }
    if report.details:
        body["details"] = report.details
    return Response(orjson.dumps(body, default=str), report.status, content_type="application/json")


def _valid(text: str) -> str:
    """Return a text that can be UTF-8: a message may quote what a model or a client made of lone surrogates."""
    return text.encode("utf-8", "backslashreplace").decode()
