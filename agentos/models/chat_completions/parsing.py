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
_HIGH = re.compile("[\ud800-\udbff]$")


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


class Halves:
    """Holds back the first half of a pair until the second comes with the next piece."""

    def __init__(self) -> None:
        self._held: dict[str, str] = {}

    def join(self, chunk: Any) -> Any:
        """Return a chunk with the halves in the texts of its first choice joined."""
        if isinstance(chunk, dict) and isinstance(choices := chunk.get("choices"), list) and choices:
            choice = choices[0]
            for key in ("delta", "message"):
                if isinstance(choice, dict) and isinstance(said := choice.get(key), dict):
                    choice[key] = {name: self._mend(name, value) for name, value in said.items()}
            if isinstance(choice, dict) and isinstance(choice.get("text"), str):
                choice["text"] = self._mend("text", choice["text"])
        return chunk

    def rest(self) -> dict[str, str]:
        """Return what is still held, by the field that it came in, as U+FFFD."""
        held, self._held = self._held, {}
        return dict.fromkeys(held, "\ufffd")

    def _mend(self, name: str, value: Any) -> Any:
        if isinstance(value, list) and name != "tool_calls":
            return [self._mend(name, part) for part in value]
        if isinstance(value, dict) and name != "function_call":
            return {key: self._mend(name, inner) if key != "type" else inner for key, inner in value.items()}
        if not isinstance(value, str) or not value:
            return value
        value = self._held.pop(name, "") + value
        if half := _HIGH.search(value):
            self._held[name] = half[0]
            value = value[:-1]
        return join_surrogates(value)


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
