"""Limits of a parameter that its type alone does not say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agentos.tools.shapes import UnsupportedAnnotation

_NUMBER = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
}
_KEYWORDS: Mapping[str, Mapping[str, str]] = {
    "string": {"min_length": "minLength", "max_length": "maxLength", "pattern": "pattern"},
    "array": {"min_length": "minItems", "max_length": "maxItems"},
    "object": {"min_length": "minProperties", "max_length": "maxProperties"},
    "integer": _NUMBER,
    "number": _NUMBER,
}
_LIMITS = frozenset(name for names in _KEYWORDS.values() for name in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Limits of a parameter: ``Annotated[str, Bounds(max_length=200)]``, ``Annotated[int, Bounds(ge=1, le=7)]``.

    Lengths are characters of a string or items of an array; ``pattern`` is a regular expression that must be found in
    the string. Small models need them: without a bound they may fill a string until their output ends.
    """

    ge: float | None = None
    le: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None


def annotate(schema: dict[str, Any], note: Any) -> dict[str, Any]:
    """Return the schema with what an argument of ``Annotated`` adds: a description, limits, or nothing.

    Limits are known by their attributes: those of :class:`Bounds`, of ``annotated_types`` and of pydantic's ``Field``.
    Raises :class:`~agentos.tools.shapes.UnsupportedAnnotation` for a limit that has no meaning for the type.
    """
    limits = dict(_limits(note))
    unused = set(limits)
    annotated = _limited(schema, limits, unused)
    if unused:
        names = ", ".join(sorted(unused))
        raise UnsupportedAnnotation(f"{type(note).__name__}({names}) has no meaning for {schema}")
    for text in (note, getattr(note, "description", None), getattr(note, "documentation", None)):
        if isinstance(text, str):
            annotated["description"] = text
    return annotated


def _limits(note: Any) -> Iterator[tuple[str, Any]]:
    for name in _LIMITS:
        value = getattr(note, name, None)
        if name == "pattern" and value is not None:
            value = getattr(value, "pattern", value)  # a compiled one
            try:
                re.compile(value)
            except re.error as error:
                raise UnsupportedAnnotation(f"pattern {value!r} is no regular expression: {error}") from error
        if value is not None:
            yield name, value
    # Of pydantic's Field: a list of such notes.
    metadata = getattr(note, "metadata", None)
    for inner in metadata if isinstance(metadata, list) else ():
        yield from _limits(inner)


def _limited(schema: Mapping[str, Any], limits: Mapping[str, Any], unused: set[str]) -> dict[str, Any]:
    limited = dict(schema)
    if "anyOf" in schema:
        limited["anyOf"] = [_limited(member, limits, unused) for member in schema["anyOf"]]
    named = schema.get("type", ())
    for json_type in [named] if isinstance(named, str) else named:
        for name, keyword in _KEYWORDS.get(json_type, {}).items():
            if name in limits:
                unused.discard(name)
                value = limits[name]
                # JSON has no Decimal.
                limit = value if isinstance(value, str | int) else float(value)
                if limited.setdefault(keyword, limit) != limit:
                    limited["allOf"] = [*limited.get("allOf", ()), {keyword: limit}]
    return limited
