"""Payloads of events that are no plain JSON: keep-alives, half characters, several documents in one."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from agentos.domain.text import join_surrogates

MAX_KEEP_ALIVE = 80
_KEEP_ALIVE = re.compile(
    rb"""["'(*\s-]*(?:keep[-_ ]?alive|ping|pong|heart[-_ ]?beat|alive|noop|no-op|waiting|[\w.-]{0,32} ?processing"""
    rb"""|null|true|false|ok|[0-9.:TZ+-]{0,32})["')*.!\s-]*""",
    re.I,
)
DONE = frozenset({b"[DONE]", b"[done]", b'"[DONE]"', b"DONE"})


def is_keep_alive(payload: bytes) -> bool:
    """Tell whether data is what proxies send to keep a connection open: a comment, a known word, a number, nothing."""
    payload = payload.strip()
    return payload.startswith(b":") or (len(payload) <= MAX_KEEP_ALIVE and bool(_KEEP_ALIVE.fullmatch(payload)))


def parse_tolerantly(payload: bytes) -> list[Any]:
    """Return the JSON documents in a payload that :mod:`orjson` refuses.

    Half a surrogate pair, as a server sends it that cuts a character in two, and ``NaN`` are let through. Several lines
    may each be a document of their own; a proxy may have put a second ``data:`` before one. Raises ``ValueError`` or
    ``RecursionError`` for anything else.
    """
    payload = payload.removeprefix(b"data:")
    try:
        return [json.loads(payload)]
    except ValueError:
        lines = payload.split(b"\n")
        if len(lines) == 1:
            raise
    found: list[Any] = []
    for line in lines:
        line = line.strip()
        if line in DONE or is_keep_alive(line):
            continue
        found.append(json.loads(line))
    return found


def dumps(value: Any) -> str:
    """Return a value as JSON text, also one that holds half characters."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(value)


def cleaned(value: Any) -> Any:
    """Return a JSON value with the half characters in its texts joined."""
    if isinstance(value, str):
        return join_surrogates(value)
    if isinstance(value, list):
        return [cleaned(inner) for inner in value]
    return {key: cleaned(inner) for key, inner in value.items()} if isinstance(value, dict) else value
