"""The JSON of a request's body, and the messages of those that are refused."""

from __future__ import annotations

import json
from typing import Any

from agentos.errors import InvalidRequest
from agentos.strict_json import JSONReader, JSONRefused

MAX_DEPTH = 64
MAX_VALUES = 100_000
"""Values in one body; a body of 10 MiB could otherwise hold millions, and take a second and 250 MB to decode."""

_reader = JSONReader(max_depth=MAX_DEPTH, max_values=MAX_VALUES)


def decode_json(raw: bytes) -> Any:
    """Return the value of a JSON text in UTF-8; raise :class:`~agentos.errors.InvalidRequest` saying what is wrong."""
    try:
        text = raw.decode("utf-8")
        if text.startswith("\ufeff"):
            raise InvalidRequest("the body begins with a byte order mark; send the JSON alone")
        return _reader.read(text)
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"the body is not UTF-8: the byte at position {error.start} is wrong") from error
    except json.JSONDecodeError as error:
        raise InvalidRequest(
            f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from error
    except JSONRefused as error:
        raise InvalidRequest(_problem(error)) from error


def _problem(refused: JSONRefused) -> str:
    found = refused.found
    match refused.reason:
        case "depth":
            return f"the body is nested too deep; at most {MAX_DEPTH} levels are accepted"
        case "values":
            return f"the body holds too many values; at most {MAX_VALUES} are accepted"
        case "key":
            return f"field {found[:200]!r} is given twice in one object"
        case "constant":
            return f"{found} is not JSON; accepted are finite numbers and null"
        case "integer":
            return f"the number {found[:30]} is too large; accepted are integers of 64 bits"
        case "number":
            return f"the number {found[:30]} is too large; accepted are numbers that a double can hold"
        case "text":
            what = "the character U+0000" if "\0" in found else "half of a surrogate pair"
            return f"field {refused.place.strip() or 'body'!r} holds {what}, which is not accepted"
