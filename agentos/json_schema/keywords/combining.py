"""Keywords with schemas for the same value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from agentos.json_schema.keywords.contract import Check, Compiler, Make, Schema
from agentos.json_schema.violation import Path, Violation
from agentos.json_schema.work import Work


def reference(name: Any, _: Schema, compiler: Compiler) -> Check:
    """Check by the schema that a ``$ref`` names."""
    return compiler.target(name).problems


def all_of(members: Any, _: Schema, compiler: Compiler) -> Check:
    """Check by all schemas."""
    nodes = [compiler.node(member) for member in members]

    def check(value: Any, path: Path, work: Work) -> Iterator[Violation]:
        for node in nodes:
            yield from node.problems(value, path, work)

    return check


def some_of(keyword: str, fits: Callable[[int], bool], enough: int) -> Make:
    """Return the maker of a check that counts which schemas accept the value, up to ``enough``."""

    def make(members: Any, schema: Schema, compiler: Compiler) -> Check:
        nodes = [compiler.node(member) for member in members]

        def check(value: Any, path: Path, work: Work) -> Iterator[Violation]:
            count = 0
            for node in nodes:
                count += node.accepts(value, work)
                if count == enough:
                    break
            if not fits(count):
                yield Violation(path, keyword, schema, value)

        return check

    return make


def not_(member: Any, schema: Schema, compiler: Compiler) -> Check:
    """Refuse what a schema accepts."""
    node = compiler.node(member)

    def check(value: Any, path: Path, work: Work) -> Iterator[Violation]:
        if node.accepts(value, work):
            yield Violation(path, "not", schema, value)

    return check


def if_(member: Any, schema: Schema, compiler: Compiler) -> Check:
    """Check by ``then`` or ``else``, as a schema accepts the value or not."""
    condition = compiler.node(member)
    then, other = compiler.node(schema.get("then", True)), compiler.node(schema.get("else", True))

    def check(value: Any, path: Path, work: Work) -> Iterator[Violation]:
        chosen = then if condition.accepts(value, work) else other
        yield from chosen.problems(value, path, work)

    return check
