"""Where schemas stand in schemas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agentos.json_schema.violation import Path

SAME_VALUE: Mapping[str, str] = {
    **dict.fromkeys(("allOf", "anyOf", "oneOf"), "list"),
    **dict.fromkeys(("not", "if", "then", "else"), "one"),
    **dict.fromkeys(("dependentSchemas", "dependencies"), "map"),
}
"""Keywords that hold schemas for the same value: in a list, in an object (a map), or one."""

PART_OF_VALUE: Mapping[str, str] = {
    "prefixItems": "list",
    "items": "one or list",
    "additionalItems": "one",
    "contains": "one",
    "properties": "map",
    "patternProperties": "map",
    "additionalProperties": "one",
    "propertyNames": "one",
}
"""Keywords that hold schemas for a part of the value."""

ELSEWHERE: Mapping[str, str] = {"$defs": "map", "definitions": "map"}
"""Keywords that hold schemas for references."""

INNER: Mapping[str, str] = {**SAME_VALUE, **PART_OF_VALUE, **ELSEWHERE}


def inner_schemas(schema: Mapping[str, Any], places: Mapping[str, str] = INNER) -> Iterator[tuple[Path, Any]]:
    """Yield the schemas that stand directly in a schema, with their paths in it."""
    for keyword in places:
        inner = schema.get(keyword)
        if isinstance(inner, bool | Mapping) and places[keyword] != "map":
            yield (keyword,), inner
        elif isinstance(inner, Mapping):
            yield from (((keyword, name), one) for name, one in inner.items() if isinstance(one, bool | Mapping))
        elif isinstance(inner, Sequence) and not isinstance(inner, str):
            yield from (((keyword, number), one) for number, one in enumerate(inner))


def all_schemas(schema: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Yield the schema and all schemas in it, with their paths. Those inside of one are looked for after it."""
    waiting: list[tuple[Path, Any]] = [((), schema)]
    while waiting:
        path, one = waiting.pop()
        yield path, one
        if isinstance(one, Mapping):
            waiting += [((*path, *inner_path), inner) for inner_path, inner in inner_schemas(one)]
