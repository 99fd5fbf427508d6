"""The user's JSON as text and back, exactly: order of keys, large integers and every code point are kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def _plain(value: object) -> dict[Any, Any]:
    """Return what ``json`` takes in place of a mapping that is no ``dict``."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a value of type {type(value).__name__!r} cannot be stored: only what JSON can say is accepted")


# The standard library's encoder, not orjson's: that one refuses integers beyond 64 bits and reads them back as floats.
# ASCII, because U+0000 and lone surrogates, which JSON can say, are refused as plain text by PostgreSQL or its driver.
_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), default=_plain).encode


def dumps(value: Any) -> str:
    """Return a JSON value as one line of ASCII."""
    return _encode(value)


def loads(text: str) -> Any:
    """Return the value that :func:`dumps` was given; mappings come back as ``dict``, sequences as ``list``."""
    return json.loads(text)


def copied(value: Any) -> Any:
    """Return a JSON value as a round trip through the text would: equal, and sharing nothing with the original."""
    return loads(dumps(value))
