"""Keywords for objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agentos.json_schema.keywords.contract import Check, Compiler, Schema
from agentos.json_schema.violation import Path, Violation
from agentos.json_schema.work import Work


def required(names: Any, schema: Schema, _: Compiler) -> Check:
    """Look for members that have to be there."""

    def check(value: Any, path: Path, work: Work) -> Iterator[Violation]:
        if isinstance(value, Mapping):
            work.spend(len(names))
            if not all(name in value for name in names):
                yield Violation(path, "required", schema, value)

    return check


def properties(members: Any, _: Schema, compiler: Compiler) -> Check:
    """Check members by their names."""
    nodes = {name: compiler.node(member) for name, member in members.items()}

    def check(value: Any, path: Path, work: Work) -> Iterator[Violation]:
        if isinstance(value, Mapping):
            work.spend(len(nodes))
            for name, node in nodes.items():
                if name in value:
                    yield from node.problems(value[name], (*path, name), work)

    return check


def pattern_properties(members: Any, _: Schema, compiler: Compiler) -> Check:
    """Check members by what is found in their names."""
    nodes = [(compiler.pattern(pattern), compiler.node(member)) for pattern, member in members.items()]

    def check(value: Any, path: Path, work: Work) -> Iterator[Violation]:
        if isinstance(value, Mapping):
            for name, item in value.items():
                for pattern, node in nodes:
                    if pattern.search(name, work):
                        yield from node.problems(item, (*path, name), work)

    return check


def additional_properties(member: Any, schema: Schema, compiler: Compiler) -> Check:
    """Check the members that no other keyword checks."""
    known = schema.get("properties", {}).keys()
    patterns = [compiler.pattern(pattern) for pattern in schema.get("patternProperties", ())]
    node = compiler.node(member)

    def check(value: Any, path: Path, work: Work) -> Iterator[Violation]:
        if not isinstance(value, Mapping):
            return
        for name, item in value.items():
            work.spend()
            if name in known or any(pattern.search(name, work) for pattern in patterns):
                continue
            if member is False:
                yield Violation(path, "additionalProperties", schema, value)
                return
            yield from node.problems(item, (*path, name), work)

    return check


def property_names(member: Any, _: Schema, compiler: Compiler) -> Check:
    """Check the names of members."""
    node = compiler.node(member)

    def check(value: Any, path: Path, work: Work) -> Iterator[Violation]:
        if isinstance(value, Mapping):
            for name in value:
                yield from node.problems(name, (*path, name), work)

    return check


def dependencies(members: Any, schema: Schema, compiler: Compiler) -> Check:
    """Return the check of ``dependencies`` and of the two keywords that it became in 2019-09."""
    lists = {name: member for name, member in members.items() if isinstance(member, list)}
    nodes = {name: compiler.node(member) for name, member in members.items() if name not in lists}

    def check(value: Any, path: Path, work: Work) -> Iterator[Violation]:
        if not isinstance(value, Mapping):
            return
        for name, needed in lists.items():
            work.spend(1 + len(needed))
            if name in value and not all(one in value for one in needed):
                yield Violation(path, "dependentRequired", schema, value)
        for name, node in nodes.items():
            work.spend()
            if name in value:
                yield from node.problems(value, path, work)

    return check
