"""Reading a request's values by a schema, and saying in one sentence what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError

from agentos.errors import InvalidRequest

MAX_REPORTED = 20
"""Wrong fields that an error lists in its details."""


def load(schema: Schema, values: Mapping[str, Any], *, noun: str = "field") -> dict[str, Any]:
    """Return the values that a schema accepts; raise :class:`~agentos.errors.InvalidRequest` naming the wrong ones.

    ``noun`` is what the message calls one: a field, a query parameter.
    """
    try:
        loaded: dict[str, Any] = schema.load(values)
    except ValidationError as error:
        wrong = describe(schema, error)
        path, words = next(iter(wrong.items()))
        more = f" (and {len(wrong) - 1} more, see details)" if len(wrong) > 1 else ""
        listed = dict(list(wrong.items())[:MAX_REPORTED])
        raise InvalidRequest(f"{noun} {path!r} {words}{more}", details={"fields": listed}) from error
    return loaded


def describe(schema: Schema, error: ValidationError) -> dict[str, str]:
    """Return what is wrong by the field's path, as ``run_context.metadata`` or ``tools[2]``, unknown fields first."""
    known = ", ".join(field.data_key or name for name, field in schema.load_fields.items())
    found: dict[str, str] = {}
    _collect(error.messages, "", known, found)
    return dict(sorted(found.items(), key=lambda item: (not item[1].startswith("is not known"), item[0])))


def _collect(messages: Any, path: str, known: str, found: dict[str, str]) -> None:
    if isinstance(messages, dict):
        for key, inner in messages.items():
            step = f"[{key}]" if isinstance(key, int) else f".{key}" if path else str(key)
            _collect(inner, (path + step)[:200], known, found)
        return
    words = str(messages[0])
    if words == "Unknown field.":
        words = f"is not known; known are {known}" if "." not in path else "is not known"
    found[path] = words
