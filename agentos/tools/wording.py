"""Words for a model: what a JSON schema accepts, and what is wrong with a value."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from agentos.domain.text import shorten
from agentos.json_schema.violation import Path, Violation, pointer_of

MAX_PROBLEMS = 5  # most problems that one refusal names

_LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "pattern": "matching {}",
    "format": "format {}",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minProperties": "at least {} members",
    "maxProperties": "at most {} members",
}

_ACCEPTED = {
    "false": "nothing",
    "uniqueItems": "an array of different items",
    "contains": "an array with the items that its 'contains' asks for",
    "dependentRequired": "an object with the members that go with those it has",
    "dependencies": "an object with the members that go with those it has",
}
"""What is accepted by keywords of which :func:`accepted_by` says nothing."""


def shown(value: Any) -> str:
    """Return a value as JSON, shortened to a length that can be read."""
    if isinstance(value, str):
        value = shorten(value, 80)
    elif isinstance(value, list | dict) and len(value) > 20:
        return f"an {'array' if isinstance(value, list) else 'object'} with {len(value)} items"
    try:
        return shorten(json.dumps(value, ensure_ascii=False, default=repr), 100)
    except (ValueError, RecursionError):
        return f"a {type(value).__name__}"


def accepted_by(schema: Mapping[str, Any], depth: int = 0) -> str:
    """Say in a few words what a schema accepts.

    >>> accepted_by({"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"]})
    '{"n": integer (at least 1)}'
    """
    members = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(members, list):
        return " or ".join(_nested(member, depth) for member in members)
    if "const" in schema:
        return shown(schema["const"])
    if isinstance(schema.get("enum"), list):
        return f"one of {_listed(schema['enum'])}"
    named = schema.get("type", "any JSON value")
    words = named if isinstance(named, str) else " or ".join(named)
    if named == "object" and schema.get("properties"):
        required = schema.get("required", ())
        words = ", ".join(
            f"{json.dumps(name)}{'' if name in required else ' (optional)'}: {_nested(member, depth)}"
            for name, member in schema["properties"].items()
        )
        return f"{{{words}}}"
    if named == "object" and depth == 0:
        return "a JSON object" if schema.get("additionalProperties", True) else "{}, no arguments"
    if named == "array" and isinstance(schema.get("items"), Mapping):
        words = f"array of {_nested(schema['items'], depth)}"
    limits = [text.format(schema[keyword]) for keyword, text in _LIMITS.items() if keyword in schema]
    return f"{words} ({', '.join(limits)})" if limits else words


def place_of(path: Path) -> str:
    """Return a path as Python writes it.

    >>> place_of(("place", "tags", 1))
    'place.tags[1]'
    """
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    return shorten(place, 100)


def problem_of(violation: Violation) -> str:
    """Say what is wrong with a value, where, and what is accepted there."""
    where = place_of(violation.path)
    wrong = _members_of(violation)
    if wrong is not None:
        return f"{wrong}{f' in {where}' if where else ''}"
    return f"{where or 'the object'} is {shown(violation.value)}, accepted there is {_accepted_at(violation)}"


def problem_at_pointer(violation: Violation) -> str:
    """Say the same with the place as a JSON pointer."""
    wrong = _members_of(violation) or f"it is {shown(violation.value)}, accepted is {_accepted_at(violation)}"
    return f"at {shorten(pointer_of(violation.path), 100)!r}: {shorten(wrong, 500)}"


def _members_of(violation: Violation) -> str | None:
    """Say which members an object lacks or must not have."""
    schema, value = violation.schema, violation.value
    if violation.keyword == "required":
        names = [name for name in schema["required"] if name not in value]
        return f"{_listed(names)} is missing"
    if violation.keyword == "additionalProperties" and schema.get("additionalProperties") is False:
        unknown = _listed(name for name in value if name not in schema.get("properties", {}))
        return f"{unknown} is not known"
    return None


def _accepted_at(violation: Violation) -> str:
    refused = violation.schema.get("not")
    if violation.keyword == "not":
        return f"what is not {accepted_by(refused, depth=1)}" if isinstance(refused, Mapping) else "another"
    return _ACCEPTED.get(violation.keyword) or accepted_by(violation.schema, depth=1)


def _nested(schema: Any, depth: int) -> str:
    # A schema may also be true or false, and its depth is up to the tool's author.
    if not isinstance(schema, Mapping) or depth >= 4:
        return "any JSON value"
    return accepted_by(schema, depth + 1)


def _listed(values: Iterable[Any], most: int = 20) -> str:
    items = list(values)
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(shown(item) for item in items[:most]) + more
