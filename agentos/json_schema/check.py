"""Whether a schema may be registered: it is JSON Schema, needs nothing from outside, and its checks have bounds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from agentos.json_schema.dialects import DIALECTS, DRAFT_2020, Dialect, dialect_of
from agentos.json_schema.document import Document
from agentos.json_schema.patterns import PatternRefused
from agentos.json_schema.places import SAME_VALUE, inner_schemas
from agentos.json_schema.shapes import FORMS, ITEMS_BEFORE_2020
from agentos.json_schema.violation import Path, pointer_of
from agentos.json_schema.work import Work

MAX_DEPTH = 64  # levels of objects and arrays inside each other
MAX_VALUES = 20_000  # values in a schema, all its objects, arrays, texts and numbers counted
MAX_PATTERNS = 100  # regular expressions in a schema
MAX_SAME_VALUE = 1000  # schemas that one value may be checked against, counted through ``$ref``, ``allOf`` and the like
MAX_CHAIN = 64  # schemas that may refer to each other in a row, for one value

TOO_LONG_A_CHAIN = f"more than {MAX_CHAIN} schemas for one value refer to each other in a row"

REFUSED: Mapping[str, str] = {
    "$dynamicRef": "$ref",
    "$dynamicAnchor": "$anchor",
    "$recursiveRef": "$ref",
    "$recursiveAnchor": "$anchor",
    "unevaluatedItems": "items",
    "unevaluatedProperties": "additionalProperties",
}
"""Keywords that are not accepted, and what to use instead."""


class SchemaRefused(ValueError):
    """The schema is not accepted; the text says where, as a JSON pointer, and why."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"at {pointer_of(path)[:200]!r}: {problem}")


def check_schema(schema: Any) -> None:
    """Raise :class:`SchemaRefused` for a schema that is not accepted."""
    if not isinstance(schema, Mapping):
        raise SchemaRefused((), f"it is {_shown(schema)}; accepted is an object")
    _check_size(schema)
    try:
        dialect = dialect_of(schema)
    except KeyError:
        raise SchemaRefused(
            ("$schema",), f"it is {_shown(schema['$schema'])}; accepted are {', '.join(DIALECTS)}"
        ) from None
    document = Document(schema)
    patterns = 0
    for key, one in document.schemas.items():
        document.work.spend()
        path = document.paths[key]
        _check_keywords(one, path, dialect)
        for place, pattern in _patterns(one, path):
            patterns += 1
            if patterns > MAX_PATTERNS:
                raise SchemaRefused(path, f"this is pattern {patterns}; accepted are at most {MAX_PATTERNS}")
            try:
                document.pattern(pattern)
            except PatternRefused as error:
                raise SchemaRefused(place, f"pattern {_shown(pattern)} is not accepted: {error}") from None
    same_value = _SameValue(document, dialect)
    for one in document.schemas.values():
        same_value.extent(one)


def _check_size(schema: Any) -> None:
    work = Work(10**9)
    count = 0
    waiting: list[tuple[Path, Any]] = [((), schema)]
    while waiting:
        path, value = waiting.pop()
        work.spend()
        count += 1
        if count > MAX_VALUES:
            raise SchemaRefused((), f"it has more than {MAX_VALUES} values; give a smaller one")
        if len(path) > MAX_DEPTH:
            raise SchemaRefused(path, f"it is nested deeper than {MAX_DEPTH} levels; accepted are at most as many")
        if isinstance(value, Mapping):
            for name, inner in value.items():
                if not isinstance(name, str):
                    raise SchemaRefused(path, f"the name {name!r:.80} is no text")
                waiting.append(((*path, name), inner))
        elif isinstance(value, list | tuple):
            waiting += [((*path, number), inner) for number, inner in enumerate(value)]
        elif not isinstance(value, str | int | float | None):
            raise SchemaRefused(path, f"it is a {type(value).__name__}, which is no JSON")


def _check_keywords(schema: Mapping[str, Any], path: Path, dialect: Dialect) -> None:
    for keyword, value in schema.items():
        if keyword in REFUSED:
            raise SchemaRefused((*path, keyword), f"{keyword} is not accepted; use {REFUSED[keyword]}")
        form = FORMS.get(keyword)
        if keyword == "items" and dialect is not DRAFT_2020:
            form = ITEMS_BEFORE_2020
        if form is not None and not form.fits(value):
            raise SchemaRefused((*path, keyword), f"it is {_shown(value)}; accepted is {form.words}")
    if "$id" in schema and path:
        raise SchemaRefused((*path, "$id"), "an $id inside of a schema is not accepted; leave it out")
    reference = schema.get("$ref", "#")
    if not reference.startswith("#"):
        raise SchemaRefused(
            (*path, "$ref"), f"it leads out of the schema, to {_shown(reference)}; accepted is '#' and what follows it"
        )


def _patterns(schema: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    if "pattern" in schema:
        yield (*path, "pattern"), schema["pattern"]
    yield from (((*path, "patternProperties", one), one) for one in schema.get("patternProperties", ()))


class _SameValue:
    """Finds schemas that lead back to themselves with the same value, and those that lead to too many others."""

    def __init__(self, document: Document, dialect: Dialect) -> None:
        self._document = document
        self._dialect = dialect
        self._extents: dict[int, tuple[int, int]] = {}
        self._open: set[int] = set()

    def extent(self, schema: Any) -> tuple[int, int]:
        """Return how many schemas one value is checked against, and how many of them stand in a row."""
        if isinstance(schema, bool):
            return 1, 1
        if (known := self._extents.get(id(schema))) is not None:
            return known
        self._document.work.spend()
        path = self._document.paths[id(schema)]
        if id(schema) in self._open:
            raise SchemaRefused(path, "it refers to itself without going into a part of the value")
        # Both: how deep this recursion is, and how long the chain is that it has found.
        if len(self._open) >= MAX_CHAIN:
            raise SchemaRefused(path, TOO_LONG_A_CHAIN)
        self._open.add(id(schema))
        extents = [self.extent(inner) for inner in self._followed(schema, path)]
        self._open.remove(id(schema))
        size = 1 + sum(size for size, _ in extents)
        chain = 1 + max((chain for _, chain in extents), default=0)
        if chain > MAX_CHAIN:
            raise SchemaRefused(path, TOO_LONG_A_CHAIN)
        if size > MAX_SAME_VALUE:
            raise SchemaRefused(path, f"one value would be checked against more than {MAX_SAME_VALUE} schemas")
        self._extents[id(schema)] = (size, chain)
        return size, chain

    def _followed(self, schema: Mapping[str, Any], path: Path) -> Iterator[Any]:
        if "$ref" in schema:
            try:
                yield self._document.find(schema["$ref"])
            except (LookupError, TypeError, ValueError):
                raise SchemaRefused(
                    (*path, "$ref"),
                    f"{_shown(schema['$ref'])} names no schema; accepted is the place of one, as in '#/$defs/name'",
                ) from None
            if self._dialect.lonely_references:
                return
        yield from (inner for _, inner in inner_schemas(schema, SAME_VALUE))


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str) if not isinstance(value, list | Mapping) else ""
    return text if text and len(text) <= 80 else f"a {type(value).__name__} of length {len(value)}"
