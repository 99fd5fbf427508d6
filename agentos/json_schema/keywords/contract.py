"""What a keyword of a schema is made into: a check, once per schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from agentos.json_schema.patterns import Pattern
from agentos.json_schema.violation import Path, Violation
from agentos.json_schema.work import Work

Check = Callable[[Any, Path, Work], Iterator[Violation]]
Schema = Mapping[str, Any]


class Node(Protocol):
    """A compiled schema."""

    def problems(self, value: Any, path: Path, work: Work) -> Iterator[Violation]:
        """Yield the violations of a value at a path."""
        ...

    def accepts(self, value: Any, work: Work) -> bool:
        """Tell whether there are none."""
        ...


class Compiler(Protocol):
    """Makes the nodes of one document."""

    def node(self, schema: Any) -> Node:
        """Return the node of a schema in the document."""
        ...

    def pattern(self, pattern: str) -> Pattern:
        """Return the automaton of a regular expression; the same one for the same text."""
        ...

    def target(self, reference: str) -> Node:
        """Return the node that a ``$ref`` names."""
        ...


Make = Callable[[Any, Schema, Compiler], Check]


def simple(keyword: str, schema: Schema, fits: Callable[[Any], bool]) -> Check:
    """Return a check of one test."""

    def check(value: Any, path: Path, _: Work) -> Iterator[Violation]:
        if not fits(value):
            yield Violation(path, keyword, schema, value)

    return check
