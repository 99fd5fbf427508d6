"""A schema, compiled: tells where a value does not follow it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentos.json_schema.dialects import dialect_of
from agentos.json_schema.document import Document
from agentos.json_schema.keywords import KEYWORDS, KINDS
from agentos.json_schema.violation import Path, Violation
from agentos.json_schema.work import Work

# The keyword, the test of the kind of values that it is for, and the rest of a Keyword.
_Compiled = Sequence[tuple[str, Callable[[Any], bool] | None, Any, Any, Any]]

_NEVER = ("false", None, lambda *_: False, None, None)


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
        _Check(self._compiled, most).follows(self._schema, value, (), found)
        return found

    def accepts(self, value: Any) -> bool:
        """Tell whether a value follows the schema; raise what :meth:`violations` raises."""
        return _Check(self._compiled, 1).follows(self._schema, value)

    def _compile(self, schema: Mapping[str, Any]) -> _Compiled:
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


@dataclass(slots=True, eq=False)
class _Check:
    """The check of one value: it counts its work."""

    compiled: Mapping[int, _Compiled]
    most: int
    work: Work = field(default_factory=Work)

    def follows(self, schema: Any, value: Any, path: Path = (), found: list[Violation] | None = None) -> bool:
        """Tell whether a value follows a schema of the document.

        Adds to ``found`` where it does not, at most so many places.
        """
        if schema is True:
            self.work.spend()
            return True
        compiled = (_NEVER,) if schema is False else self.compiled[id(schema)]
        self.work.spend(1 + len(compiled))
        follows = True
        for keyword, applies, fits, parts, argument in compiled:
            if applies is not None and not applies(value):
                continue
            if fits is not None and not fits(value, argument, self):
                follows = False
                if found is not None:
                    found.append(Violation(path, keyword, schema or {}, value))
            elif parts is not None:
                for inner, place, part in parts(value, argument, self):
                    follows = self.follows(inner, part, path + place, found) and follows
                    if not follows and (found is None or len(found) >= self.most):
                        return False
            if not follows and (found is None or len(found) >= self.most):
                return False
        return follows
