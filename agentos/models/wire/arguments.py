"""The arguments of tool calls, in the shapes that servers give and take them."""

from __future__ import annotations

from typing import Any

import orjson

from agentos.models.wire.parsing import dumps

MAX_CALLS = 1024
MAX_ARGUMENTS = 16 * 1024**2
"""Characters of all calls together. The run has its own, lower limit; this one bounds what is collected for it."""


def text_of_piece(value: Any) -> str:
    """Return a piece of JSON text; some servers send the arguments as the object itself."""
    if isinstance(value, str):
        return value
    return "" if value is None else dumps(value)


def unwrapped(text: str) -> str:
    """Return arguments that were written as JSON twice as they are meant."""
    if text.startswith('"{') and object_of(text) is not None:
        inner: str = orjson.loads(text)
        return inner
    return text


def object_of(text: str) -> dict[str, Any] | None:
    """Return the object that a text is, also one that was written as JSON twice; None for anything else."""
    value: Any = text
    for _ in range(2):
        if isinstance(value, str):
            try:
                value = orjson.loads(value)
            except ValueError:
                return None
    return value if isinstance(value, dict) else None


def sendable_object(text: str) -> dict[str, Any]:
    """Return arguments as an object: servers fail on a history where they are none."""
    try:
        if isinstance(value := orjson.loads(text), dict):
            return value
    except orjson.JSONDecodeError:
        pass
    return {"invalid_arguments": text} if text.strip() else {}


def sendable(text: str) -> str:
    """Return arguments that parse: servers that render prompts from templates fail on a history where they do not."""
    try:
        if isinstance(orjson.loads(text), dict):
            return text
    except orjson.JSONDecodeError:
        pass
    return orjson.dumps({"invalid_arguments": text}).decode() if text.strip() else "{}"
