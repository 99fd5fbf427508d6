"""What a model server's refusal means to a run, in words that a client may read."""

from __future__ import annotations

import http.client
import re
import ssl
import time
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import orjson
from urllib3.exceptions import HTTPError, ProtocolError, SSLError

from agentos.errors import ExecutionError, ProviderError, ProviderRateLimited, ProviderUnavailable

MAX_RETRY_AFTER = 3600.0
MAX_MESSAGE = 300
UNAVAILABLE = frozenset({408, 409, 425})
_NOT_PRINTABLE = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_SECRETS = re.compile(
    r"\b(?:sk|pk|rk|key|org|proj)[-_][\w*.-]{6,}|\bBearer\s+\S+|(?<=://)[^\s/@]+@|(?<=\?)[^\s=]{0,200}=\S*", re.I
)


class NotHTTP(Exception):
    """The server's bytes are not HTTP/1.1, or leave in doubt what they mean. The text says what was found."""


CONNECTION_FAILURES = (NotHTTP, HTTPError, http.client.HTTPException, OSError)
"""What :func:`named` takes."""


def named(error: Exception) -> ExecutionError:
    """Return what a failure of the connection means to a run."""
    cause = error.__cause__ if isinstance(error, ProtocolError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return ProviderUnavailable("the model server's certificate is not trusted")
    if isinstance(cause, ConnectionRefusedError):
        return ProviderUnavailable("the model server cannot be reached: the connection was refused")
    if isinstance(cause, ConnectionError):
        return ProviderUnavailable("the connection to the model server was lost")
    if isinstance(cause, OSError | SSLError):
        return ProviderUnavailable("the model server cannot be reached, or the connection to it was broken")
    found = f": {cause}" if isinstance(cause, NotHTTP) else ""
    return ProviderError(f"the model server answered what is not HTTP{found}")


def failure_for_status(
    status: int, headers: Mapping[str, str], body: bytes, *, secrets: Iterable[str] = ()
) -> ExecutionError:
    """Return the error for an answer that is not 200.

    The headers' names are in lower case; ``secrets`` are texts that the error's message must not hold.
    """
    if status == 429:
        return ProviderRateLimited(
            "the model server asks to be called less often (status 429)", retry_after=retry_after(headers)
        )
    if status in UNAVAILABLE or status >= 500:
        return ProviderUnavailable(
            f"the model server cannot serve now (status {status})", retry_after=retry_after(headers)
        )
    if status in (401, 403):
        # The server's own words often quote the key.
        return ProviderError(f"the model server refused the API key (status {status}): check that it is set and valid")
    if 300 <= status < 400:
        return ProviderError(
            f"the model server answered with a redirect (status {status}), which is not followed: set the base URL to"
            " its final address"
        )
    said = short_message(body, secrets=secrets)
    return ProviderError(f"the model server refused the request (status {status})" + (f": {said}" if said else ""))


def failure_in_stream(error: Any, *, secrets: Iterable[str] = ()) -> ExecutionError:
    """Return the error for ``{"error": …}`` in the middle of an answer."""
    code = error.get("code") if isinstance(error, Mapping) else None
    kind = error.get("type") if isinstance(error, Mapping) else None
    words = f"{code} {kind}".lower()
    if code == 429 or "rate_limit" in words or "quota" in words:
        return ProviderRateLimited("the model server asks to be called less often")
    if (isinstance(code, int) and code >= 500) or any(
        word in words for word in ("server_error", "overloaded", "unavail")
    ):
        return ProviderUnavailable("the model server failed in the middle of its answer")
    said = _clean(_text_of(error), secrets)
    return ProviderError("the model server broke off with an error" + (f": {said}" if said else ""))


def short_message(body: bytes, *, secrets: Iterable[str] = ()) -> str:
    """Return the message in a JSON error body, on one line, bounded and without secrets; empty where there is none."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    return _clean(_text_of(answer), secrets)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a ``Retry-After`` header (RFC 9110, section 10.2.3: seconds or a date), bounded."""
    value = (headers.get("retry-after") or "").strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value):
        return min(float(value), MAX_RETRY_AFTER)
    try:
        seconds = parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return max(0.0, min(seconds, MAX_RETRY_AFTER))


def _text_of(answer: Any) -> str:
    """Find the words in ``{"error": {"message": …}}`` and its cousins."""
    for _ in range(3):
        if not isinstance(answer, Mapping):
            break
        answer = next((answer[key] for key in ("error", "message", "detail") if answer.get(key)), None)
    return answer if isinstance(answer, str) else ""


def _clean(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "…")
    text = _SECRETS.sub("…", _NOT_PRINTABLE.sub(" ", text[: 20 * MAX_MESSAGE])).strip()
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"
