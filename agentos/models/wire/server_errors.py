"""What a server says about an error, in any of the known shapes: its words, codes and the names of fields."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from agentos.domain.text import shorten

MAX_MESSAGE = 300
MAX_DEPTH = 6
MAX_ITEMS = 5
MAX_RETRY_AFTER = 3600.0

WORDS = (
    *("error", "message", "msg", "detail", "errors", "error_message", "error_msg", "status_msg", "error_description"),
    *("Message", "description", "title", "reason", "base_resp"),
)
"""The keys under which servers put their words. The first of them that holds any counts."""
CODES = ("code", "type", "status", "error_code", "status_code", "error_type", "reason", "__type", "http_code")
FIELDS = ("param", "parameter", "field")
INSIDE = ("error", "errors", "message", "detail", "details", "innererror", "inner_error", "metadata", "base_resp")

_NOT_PRINTABLE = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_SECRETS = re.compile(
    r"\b(?:sk|pk|rk|key|org|proj|gsk|csk|xai|hf|nvapi|pplx|tgp|fw|ghp|github_pat)[-_][\w*.-]{6,}|\bAIza[\w-]{10,}"
    r"|\bBearer\s+\S+|(?<=://)[^\s/@]+@|(?<=\?)[^\s=]{0,200}=\S*",
    re.I,
)
_DELAY = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)s")


@dataclass(slots=True)
class ServerError:
    """An error as the server described it.

    ``words`` are not yet cleaned. ``codes`` are in lower case: codes, types and states, also numbers. ``fields`` are
    the names of parameters that it complains about, with dots between their parts.
    """

    words: str = ""
    codes: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)
    retry_delay: float | None = None

    @property
    def status(self) -> int | None:
        """The HTTP status among the codes: gateways send one with errors in the middle of an answer."""
        return next((int(code) for code in self.codes if re.fullmatch(r"[45][0-9]{2}", code)), None)


def read_error(body: bytes) -> ServerError:
    """Return what the body of an error says: JSON in one of many shapes, or plain text. A web page says nothing."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        text = body.decode("utf-8", "replace").strip()
        value = "" if text.startswith("<") else text
    return describe(value)


def describe(value: Any) -> ServerError:
    """Return what an error says that was parsed already."""
    error = ServerError(words=_words(value, MAX_DEPTH)[: 20 * MAX_MESSAGE])
    _collect(value, error, MAX_DEPTH)
    return error


def clean(text: str, secrets: Iterable[str] = ()) -> str:
    """Return words of a server on one line, bounded and without secrets."""
    for secret in secrets:
        text = text.replace(secret, "…")
    return shorten(_SECRETS.sub("…", _NOT_PRINTABLE.sub(" ", text[: 20 * MAX_MESSAGE])).strip(), MAX_MESSAGE)


def _words(value: Any, depth: int) -> str:
    if not depth:
        return ""
    if isinstance(value, str):
        inner = _parsed(value)
        return _words(inner, depth - 1) or value if inner is not None else value
    if isinstance(value, list):
        return "; ".join(filter(None, (_words(item, depth - 1) for item in value[:MAX_ITEMS])))
    if not isinstance(value, Mapping):
        return ""
    found = next(filter(None, (_words(value.get(key), depth - 1) for key in WORDS)), "")
    # "error" is a phrase and "message" the words with some servers; with others there is only one of them.
    if isinstance(value.get("error"), str) and (more := _words(value.get("message"), depth - 1)) and more != found:
        found = f"{found}: {more}"
    # OpenRouter passes on the words of the server behind it.
    if isinstance(behind := value.get("metadata"), Mapping) and (raw := _words(behind.get("raw"), depth - 1)):
        found = f"{found}: {raw}"
    # FastAPI and Pydantic name the place of each complaint.
    if found and isinstance(place := value.get("loc"), list):
        found = f"{'.'.join(map(str, place))}: {found}"
    return found


def _collect(value: Any, error: ServerError, depth: int) -> None:
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, list):
        for item in value[:MAX_ITEMS]:
            _collect(item, error, depth - 1)
    if not isinstance(value, Mapping) or not depth:
        return
    error.codes |= {_code(value[key]) for key in CODES if isinstance(value.get(key), str | int | float)}
    error.fields |= {name for key in FIELDS if isinstance(name := value.get(key), str)}
    if isinstance(place := value.get("loc"), list):
        error.fields.add(".".join(str(part) for part in place if part != "body"))
    if isinstance(waits := value.get("retry_after"), int | float) and not isinstance(waits, bool) and waits >= 0:
        error.retry_delay = min(float(waits), MAX_RETRY_AFTER)
    # google.rpc.RetryInfo, https://cloud.google.com/apis/design/errors
    if isinstance(delay := value.get("retryDelay"), str) and (seconds := _DELAY.fullmatch(delay)):
        error.retry_delay = min(float(seconds[1]), MAX_RETRY_AFTER)
    for key in INSIDE:
        _collect(value.get(key), error, depth - 1)
    if isinstance(behind := value.get("metadata"), Mapping):
        _collect(behind.get("raw"), error, depth - 1)


def _code(value: str | float) -> str:
    if isinstance(value, float) and math.isfinite(value):
        value = int(value)
    return str(value).lower()


def _parsed(text: str) -> Any:
    """Return the JSON in a text: gateways put the whole answer of the server behind them into a message."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
