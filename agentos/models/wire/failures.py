"""What a failed call means to a run, in words that a client may read."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from urllib3.exceptions import ProtocolError, SSLError

from agentos.errors import (
    ContentFiltered,
    ContextTooLong,
    ExecutionError,
    ProviderError,
    ProviderRateLimited,
    ProviderUnavailable,
    QuotaExhausted,
    RunTimeout,
)
from agentos.http.failures import DeadlinePassed, NotHTTP, ServerSilent
from agentos.models.wire.error_classes import class_of, is_about_key
from agentos.models.wire.server_errors import MAX_RETRY_AFTER, ServerError, clean, describe, read_error

_REMAINING = re.compile(r"(anthropic-ratelimit-[a-z-]{1,40})-remaining")

KEY_REFUSED = "the model server refused the API key (status {}): check that it is set and valid"
MEANINGS: Mapping[type[ExecutionError], str] = {
    ProviderRateLimited: "the model server asks to be called less often",
    ProviderUnavailable: "the model server cannot serve now",
    QuotaExhausted: "the account at the model provider has no credit or quota left",
    ContextTooLong: "the conversation is longer than the model takes",
    ContentFiltered: "the provider's content filter refused the prompt",
    ProviderError: "the model server refused the request",
}
MEANINGS_IN_STREAM: Mapping[type[ExecutionError], str] = {
    ProviderUnavailable: "the model server failed in the middle of its answer",
    ProviderError: "the model server broke off with an error",
}


def to_provider_error(error: Exception) -> ExecutionError:
    """Return what a failed call means to a run: a failure of the connection, or a request that cannot be sent."""
    cause = error.__cause__ if isinstance(error, ProtocolError) else error
    if isinstance(cause, DeadlinePassed):
        return RunTimeout("the run's time was over before the model had answered")
    if isinstance(cause, ServerSilent):
        return ProviderUnavailable(f"the model server was silent for {cause.seconds:g} s")
    if isinstance(cause, ssl.SSLCertVerificationError):
        return ProviderUnavailable("the model server's certificate is not trusted")
    if isinstance(cause, ConnectionRefusedError):
        return ProviderUnavailable("the model server cannot be reached: the connection was refused")
    if isinstance(cause, ConnectionError):
        return ProviderUnavailable("the connection to the model server was lost")
    if isinstance(cause, OSError | SSLError):
        return ProviderUnavailable("the model server cannot be reached, or the connection to it was broken")
    if isinstance(cause, ValueError):
        return ProviderError(
            "the request cannot be sent: API key, base URL or extra headers hold characters that HTTP does not allow"
        )
    found = f": {cause}" if isinstance(cause, NotHTTP) else ""
    return ProviderError(f"the model server answered what is not HTTP{found}")


def failure_for_status(
    status: int, headers: Mapping[str, str], body: bytes, *, secrets: Iterable[str] = ()
) -> ExecutionError:
    """Return the error for an answer that is not a success.

    The headers' names are in lower case; ``secrets`` are texts that the error's message must not hold. Whether the
    call may be tried again is in ``details.retryable``; the header ``x-should-retry`` decides where it is given.
    """
    if 300 <= status < 400:
        return ProviderError(
            f"the model server answered with a redirect (status {status}), which is not followed: set the base URL to"
            " its final address"
        )
    error = read_error(body)
    kind = class_of(error, status)
    message = _message(kind, error, status, f"{MEANINGS[kind]} (status {status})", secrets)
    given = retry_after(headers)
    asked = headers.get("x-should-retry", "").strip().lower()
    details = {"retryable": asked == "true"} if asked in ("true", "false") else {}
    return kind(message, details=details, retry_after=error.retry_delay if given is None else given)


def failure_in_stream(value: Any, *, secrets: Iterable[str] = ()) -> ExecutionError:
    """Return the error for one in the middle of an answer: an object or a text in any of the known shapes."""
    error = describe(value)
    kind = class_of(error, error.status)
    begin = MEANINGS_IN_STREAM.get(kind, MEANINGS[kind])
    return kind(_message(kind, error, error.status, begin, secrets), retry_after=error.retry_delay)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait, bounded.

    ``retry-after-ms``, else ``Retry-After`` (RFC 9110, section 10.2.3), else the time until the limits that are used up
    begin anew (``anthropic-ratelimit-*-reset``, https://platform.claude.com/docs/en/api/rate-limits#response-headers).
    """
    milliseconds = (headers.get("retry-after-ms") or headers.get("x-ms-retry-after-ms") or "").strip()
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,9})?", milliseconds):
        return min(float(milliseconds) / 1000, MAX_RETRY_AFTER)
    value = (headers.get("retry-after") or "").strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value):
        return min(float(value), MAX_RETRY_AFTER)
    try:
        return _until(parsedate_to_datetime(value).timestamp())
    except (ValueError, OverflowError):
        return _until_reset(headers)


def _until_reset(headers: Mapping[str, str]) -> float | None:
    waits: list[float] = []
    for name, left in headers.items():
        if (used_up := _REMAINING.fullmatch(name)) and left.strip() == "0":
            reset = headers.get(f"{used_up[1]}-reset", "").strip()
            with suppress(ValueError, OverflowError):
                waits.append(_until(datetime.fromisoformat(reset).timestamp()))
    return max(waits, default=None)


def _until(moment: float) -> float:
    return max(0.0, min(moment - time.time(), MAX_RETRY_AFTER))


def _message(
    kind: type[ExecutionError], error: ServerError, status: int | None, begin: str, secrets: Iterable[str]
) -> str:
    if status == 401 or (status == 403 and kind is ProviderError and is_about_key(error)):
        return KEY_REFUSED.format(status)  # The server's own words often quote the key.
    said = clean(error.words, secrets)
    return f"{begin}: {said}" if said else begin
