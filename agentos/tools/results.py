"""What a tool returns or raises, as the text that a model reads."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Set
from datetime import date, time
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

import orjson

from agentos.domain.text import clean, shorten
from agentos.observability.redaction import redact

MAX_REDACTED = 16 * 1024  # characters of it that are looked through for secrets; what is behind them is not shown
MAX_ERROR_LENGTH = 2000  # most characters of an exception's message that a model is shown


def result_text(value: Any) -> str:
    """Return a string as it is and anything else as JSON (``None`` is ``null``), without what cannot be stored.

    Raises ``TypeError`` for values that have no JSON.
    """
    if isinstance(value, str):
        return clean(value)
    try:
        text = orjson.dumps(value, default=_encode, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        # orjson refuses lone surrogates and numbers beyond 64 bits, which json writes.
        try:
            text = json.dumps(value, default=_encode, ensure_ascii=False, separators=(",", ":"))
        except (TypeError, ValueError, RecursionError) as error:
            raise TypeError(f"its result cannot be written as JSON: {error}") from error
    return clean(text)


def error_text(error: BaseException) -> str:
    """Return type and message of a tool's exception, bounded and without secrets; never raises."""
    kind = type(error).__name__
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - other people's code
        message = ""
    # Redacted before it is cut: half a secret could not be recognised. But megabytes would take seconds.
    said = clean(f"{kind}: {message[:MAX_REDACTED]}" if message else kind)
    return shorten(redact(said), MAX_ERROR_LENGTH)


def _encode(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Set):
        return list(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal | UUID | PurePath):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")
