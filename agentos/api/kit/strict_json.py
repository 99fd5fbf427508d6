"""Decoding JSON without the leniencies of Python's decoder, each of which lets in what a database or a peer refuses."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterator
from typing import Any

from agentos.errors import InvalidRequest
from agentos.fair_lock import LOOP_TURN

LARGE = 16 * 1024
"""Bytes that may take so long to check that others should have a turn before they are decoded, and after that."""

MAX_DEPTH = 64
MAX_VALUES = 100_000
"""Values in one body; a body of 10 MiB could otherwise hold millions, and take a second and 250 MB to decode."""

INTEGERS = range(-(2**63), 2**63)

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
# Raw control characters are refused by the decoder and raw surrogates are no UTF-8: only escapes can bring them in.
_SUSPECT_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


def decode_json(raw: bytes) -> Any:
    """Return the value of a JSON text; raise :class:`~agentos.errors.InvalidRequest` saying where it goes wrong.

    Refused are, besides malformed JSON: bytes that are no UTF-8, U+0000 and lone surrogates (escaped ones, and in keys,
    too), numbers that are no finite double or no 64-bit integer, a key given twice, and what is nested too deep or has
    too many values.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"the body is not UTF-8: the byte at position {error.start} is wrong") from error
    if text.startswith("\ufeff"):
        raise InvalidRequest("the body begins with a byte order mark; send the JSON alone")
    _check_count(text)
    if len(raw) > LARGE:
        time.sleep(LOOP_TURN)
    try:
        value = _DECODER.decode(text)
    except RecursionError as error:
        raise _too_deep() from error
    except json.JSONDecodeError as error:
        raise InvalidRequest(
            f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from error
    if len(raw) > LARGE:
        time.sleep(LOOP_TURN)
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH or (b"\\u" in raw and _SUSPECT_ESCAPE.search(raw)):
        _check_values(value)
    return value


def _check_count(text: str) -> None:
    if _separators(text) <= MAX_VALUES:
        return
    # Those in strings do not count. Whole texts at once, in C: ten megabytes of escapes must not take seconds here.
    bare = text.replace("\\\\", "").replace('\\"', "")
    quotes_at_most = 4 * (MAX_VALUES + 1)  # a key and a string for each value
    if bare.count('"') > quotes_at_most or _separators("".join(bare.split('"')[::2])) > MAX_VALUES:
        raise InvalidRequest(f"the body holds too many values; at most {MAX_VALUES} are accepted")


def _separators(text: str) -> int:
    return text.count(",") + text.count("[") + text.count("{")


def _check_values(value: Any) -> None:
    """Look at every text and at the depth, without recursion."""
    levels: list[Iterator[tuple[str, Any]]] = [iter([("", value)])]
    while levels:
        for path, inner in levels[-1]:
            if isinstance(inner, str):
                _check_text(inner, path)
            elif isinstance(inner, dict):
                levels.append(_members(inner, path))
                break
            elif isinstance(inner, list):
                levels.append(_items(inner, path))
                break
        else:
            levels.pop()
        if len(levels) > MAX_DEPTH + 1:
            raise _too_deep()


def _members(value: dict[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        _check_text(key, f"{path} (a key in it)")
        yield (f"{path}.{key}" if path else key)[:200], inner


def _items(value: list[Any], path: str) -> Iterator[tuple[str, Any]]:
    for number, inner in enumerate(value):
        yield f"{path}[{number}]"[:200], inner


def _check_text(text: str, path: str) -> None:
    found = _UNSTORABLE.search(text)
    if found is not None:
        what = "the character U+0000" if found[0] == "\0" else "half of a surrogate pair"
        raise InvalidRequest(f"field {path.strip() or 'body'!r} holds {what}, which is not accepted")


def _too_deep() -> InvalidRequest:
    return InvalidRequest(f"the body is nested too deep; at most {MAX_DEPTH} levels are accepted")


def _integer(digits: str) -> int:
    if len(digits) <= 20 and (number := int(digits)) in INTEGERS:
        return number
    raise InvalidRequest(f"the number {digits[:30]} is too large; accepted are integers of 64 bits")


def _number(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise InvalidRequest(f"the number {digits[:30]} is too large; accepted are numbers that a double can hold")
    return number


def _constant(name: str) -> Any:
    raise InvalidRequest(f"{name} is not JSON; accepted are finite numbers and null")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise InvalidRequest(f"field {key[:200]!r} is given twice in one object")
            seen.add(key)
    return members


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_number, parse_constant=_constant
)
