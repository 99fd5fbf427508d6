"""A schema, compiled: tells where a value does not follow it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agentos.json_schema.dialects import Dialect, dialect_of
from agentos.json_schema.keywords import KEYWORDS, Check
from agentos.json_schema.patterns import Pattern
from agentos.json_schema.references import Targets
from agentos.json_schema.violation import Path, Violation
from agentos.json_schema.work import PATTERN, Work

NO_SCHEMA: Mapping[str, Any] = {}


class Validator:
    """Checks values against one schema that :func:`~agentos.json_schema.check.check_schema` accepts."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._dialect = dialect_of(schema)
        self._targets = Targets(schema)
        self._nodes: dict[int, _Node] = {}
        self._work = Work(10**9)
        self._patterns: dict[str, Pattern] = {}
        self._root = self.node(schema)

    def violations(self, value: Any, work: Work | None = None) -> Iterator[Violation]:
        """Yield where the value does not follow the schema.

        Raises :class:`~agentos.json_schema.work.TooMuchWork`, and ``RecursionError`` for a value that is too deep.
        """
        return self._root.problems(value, (), work or Work())

    def accepts(self, value: Any) -> bool:
        """Tell whether a value follows the schema."""
        return next(self.violations(value), None) is None

    def node(self, schema: Any) -> _Node:
        """Return the node of a schema in the document; one that refers to itself is made once."""
        if isinstance(schema, bool):
            return ANYTHING if schema else NOTHING
        known = self._nodes.get(id(schema))
        if known is None:
            self._work.spend()
            known = self._nodes[id(schema)] = _Node()
            known.checks = list(self._checks(schema, self._dialect))
        return known

    def pattern(self, pattern: str) -> Pattern:
        """Return the automaton of a regular expression; the same one for the same text."""
        known = self._patterns.get(pattern)
        if known is None:
            known = self._patterns[pattern] = Pattern(pattern)
            self._work.spend(PATTERN)
        return known

    def target(self, reference: str) -> _Node:
        """Return the node that a ``$ref`` names."""
        return self.node(self._targets.find(reference))

    def _checks(self, schema: Mapping[str, Any], dialect: Dialect) -> Iterator[Check]:
        if "$ref" in schema and dialect.lonely_references:
            yield KEYWORDS["$ref"](schema["$ref"], schema, self)
            return
        for keyword, argument in schema.items():
            make = KEYWORDS.get(keyword)
            if make is not None and keyword not in dialect.unknown:
                yield make(argument, schema, self)


class _Node:
    """A compiled schema: all its checks have to pass."""

    __slots__ = ("checks",)

    def __init__(self) -> None:
        self.checks: list[Check] = []

    def problems(self, value: Any, path: Path, work: Work) -> Iterator[Violation]:
        """Yield the violations of a value at a path."""
        work.spend(1 + len(self.checks))
        for check in self.checks:
            yield from check(value, path, work)

    def accepts(self, value: Any, work: Work) -> bool:
        """Tell whether there are none."""
        return next(self.problems(value, (), work), None) is None


def _refuse(value: Any, path: Path, _: Work) -> Iterator[Violation]:
    yield Violation(path, "false", NO_SCHEMA, value)


ANYTHING = _Node()
NOTHING = _Node()
NOTHING.checks.append(_refuse)
