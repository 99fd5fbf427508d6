"""A schema, compiled: tells where a value does not follow it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentos.json_schema.dialects import dialect_of
from agentos.json_schema.document import Document
from agentos.json_schema.keywords import KEYWORDS, KINDS
from agentos.json_schema.violation import Check, Compiled, Violation


class Validator:
    """Checks values against one schema that :func:`~agentos.json_schema.check.check_schema` accepts."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema
        self._document = Document(schema)
        self._dialect = dialect_of(schema)
        self._compiled = {number: self._compile(one) for number, one in self._document.schemas.items()}

    def violations(self, value: Any, most: int = 1) -> list[Violation]:
        """Return where the value does not follow the schema, at most so many places.

        Raises :class:`~agentos.json_schema.work.TooMuchWork`, and ``RecursionError`` for a value that is too deep.
        """
        found: list[Violation] = []
        Check(self._compiled, most).follows(self._schema, value, (), found)
        return found

    def accepts(self, value: Any) -> bool:
        """Tell whether a value follows the schema; raise what :meth:`violations` raises."""
        return Check(self._compiled, 1).follows(self._schema, value)

    def _compile(self, schema: Mapping[str, Any]) -> Compiled:
        only = "$ref" in schema and self._dialect.lonely_references
        compiled = []
        for keyword, argument in schema.items():
            if keyword in self._dialect.unknown or (only and keyword != "$ref"):
                continue
            for one in KEYWORDS.get(keyword, ()):
                self._document.work.spend()
                prepared = one.prepare(argument, schema, self._document)
                applies = None if one.kind == "any" else KINDS[one.kind]
                if prepared is not None:
                    compiled.append((keyword, applies, one.fits, one.parts, prepared))
        return compiled
