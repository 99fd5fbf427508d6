"""Limits of a parameter that its type alone does not say."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agentos.tools.shapes import UnsupportedAnnotation

_NUMBER = {"ge": "minimum", "le": "maximum"}
_KEYWORDS: dict[str, dict[str, str]] = {
    "string": {"min_length": "minLength", "max_length": "maxLength", "pattern": "pattern"},
    "array": {"min_length": "minItems", "max_length": "maxItems"},
    "integer": _NUMBER,
    "number": _NUMBER,
}


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

    def apply(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """Return the schema with these limits; raise ``UnsupportedAnnotation`` where one has no meaning."""
        if self.pattern is not None:
            try:
                re.compile(self.pattern)
            except re.error as error:
                raise UnsupportedAnnotation(f"pattern {self.pattern!r} is no regular expression: {error}") from error
        unused = {field.name for field in dataclasses.fields(self) if getattr(self, field.name) is not None}
        bounded = self._apply(schema, unused)
        if unused:
            raise UnsupportedAnnotation(f"Bounds({', '.join(sorted(unused))}) has no meaning for {dict(schema)}")
        return bounded

    def _apply(self, schema: Mapping[str, Any], unused: set[str]) -> dict[str, Any]:
        bounded = dict(schema)
        if "anyOf" in schema:
            bounded["anyOf"] = [self._apply(member, unused) for member in schema["anyOf"]]
        named = schema.get("type", ())
        for json_type in [named] if isinstance(named, str) else named:
            for name, keyword in _KEYWORDS.get(json_type, {}).items():
                if (value := getattr(self, name)) is not None:
                    bounded[keyword] = value
                    unused.discard(name)
        return bounded
