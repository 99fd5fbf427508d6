"""Keywords for arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agentos.json_schema.equality import key_of
from agentos.json_schema.keywords.contract import Check, Compiler, Schema
from agentos.json_schema.violation import Path, Violation
from agentos.json_schema.work import Work


def prefix_items(members: Any, _: Schema, compiler: Compiler) -> Check:
    """Check the first items, each by its schema."""
    nodes = [compiler.node(member) for member in members]

    def check(value: Any, path: Path, work: Work) -> Iterator[Violation]:
        if isinstance(value, list):
            for number, (node, item) in enumerate(zip(nodes, value, strict=False)):
                yield from node.problems(item, (*path, number), work)

    return check


def items(members: Any, schema: Schema, compiler: Compiler) -> Check:
    """Check the items; those after the ones that ``prefixItems`` checks."""
    if isinstance(members, list):  # before 2020-12
        return prefix_items(members, schema, compiler)
    return _rest(members, len(schema.get("prefixItems", ())), compiler)


def additional_items(members: Any, schema: Schema, compiler: Compiler) -> Check:
    """Check the items after those that a list of ``items`` checks (before 2020-12)."""
    first = schema.get("items", True)
    # Without a list of `items` before it, it says nothing.
    return _rest(members, len(first), compiler) if isinstance(first, list) else _nothing


def _rest(members: Any, skipped: int, compiler: Compiler) -> Check:
    node = compiler.node(members)

    def check(value: Any, path: Path, work: Work) -> Iterator[Violation]:
        if isinstance(value, list):
            for number in range(skipped, len(value)):
                yield from node.problems(value[number], (*path, number), work)

    return check


def _nothing(*_: object) -> Iterator[Violation]:
    yield from ()


def contains(member: Any, schema: Schema, compiler: Compiler) -> Check:
    """Count the items that a schema accepts."""
    node = compiler.node(member)
    least, most = schema.get("minContains", 1), schema.get("maxContains")

    def check(value: Any, path: Path, work: Work) -> Iterator[Violation]:
        if isinstance(value, list):
            count = sum(node.accepts(item, work) for item in value)
            if count < least or (most is not None and count > most):
                yield Violation(path, "contains", schema, value)

    return check


def unique_items(wanted: Any, schema: Schema, _: Compiler) -> Check:
    """Look for an item that is there twice, in linear time."""

    def check(value: Any, path: Path, work: Work) -> Iterator[Violation]:
        if wanted and isinstance(value, list):
            seen = set()
            for item in value:
                key = key_of(item, work)
                if key in seen:
                    yield Violation(path, "uniqueItems", schema, value)
                    return
                seen.add(key)

    return check
