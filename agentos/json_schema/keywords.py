"""The keywords of JSON Schema: 2020-12, and where they differ 2019-09, draft 7 and draft 6."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from agentos.json_schema.document import Document
from agentos.json_schema.patterns import Pattern
from agentos.json_schema.violation import Check, Path
from agentos.json_schema.work import Work

Schema = Mapping[str, Any]
Part = tuple[Any, Path, Any]
"""A schema, the path from the value to a part of it, and the part that has to follow the schema."""


class Keyword(NamedTuple):
    """A keyword, for values of one kind: it tests a value, or names schemas for it and for parts of it.

    ``prepare`` makes the second argument of both from what the schema says, once per schema. Where it returns ``None``,
    there is nothing to check.
    """

    keyword: str
    kind: str
    fits: Callable[[Any, Any, Check], bool] | None = None
    parts: Callable[[Any, Any, Check], Iterator[Part]] | None = None
    prepare: Callable[[Any, Schema, Document], Any] = lambda argument, *_: argument


def _is_number(value: Any) -> bool:
    """Tell whether a value is a number of JSON, which true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


KINDS: Mapping[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "array": _is_list,
    "object": lambda value: type(value) is dict or isinstance(value, Mapping),  # the first is faster
    "number": _is_number,
    "integer": lambda value: _is_number(value) and value % 1 == 0,  # 3.0 is one
}


def key_of(value: Any, work: Work) -> Hashable:
    """Return what equal JSON values have in common and different ones have not: 1 equals 1.0, but not true."""
    work.spend()
    if isinstance(value, bool) or value is None:
        return (type(value).__name__, value)
    if isinstance(value, list | tuple):
        return ("array", tuple(key_of(item, work) for item in value))
    if isinstance(value, Mapping):
        return ("object", frozenset((name, key_of(item, work)) for name, item in value.items()))
    return value  # type: ignore[no-any-return]  # texts and numbers


# --- tests ---------------------------------------------------------------------------------------------------------


def _is_multiple(value: Any, divisor: Any, _: Check) -> bool:
    # As they are written: 0.3 is a multiple of 0.1, which it is not as a binary fraction.
    return Fraction(str(value)) % Fraction(str(divisor)) == 0


def _is_as_long(value: Any, least: float, _: Check) -> bool:
    return len(value) >= least


def _is_as_short(value: Any, most: float, _: Check) -> bool:
    return len(value) <= most


def _is_one_of(value: Any, keys: Any, check: Check) -> bool:
    return key_of(value, check.work) in keys


def _is_found(value: Any, pattern: Pattern, check: Check) -> bool:
    return pattern.search(value, check.work)


def _are_unique(value: Any, wanted: bool, check: Check) -> bool:
    seen: set[Hashable] = set()
    for item in value if wanted else ():
        key = key_of(item, check.work)
        if key in seen:
            return False
        seen.add(key)
    return True


def _contains(value: Any, wanted: Any, check: Check) -> bool:
    member, least, most = wanted
    count = sum(check.follows(member, item) for item in value)
    return count >= least and (most is None or count <= most)


def _has_all(value: Any, names: Any, check: Check) -> bool:
    check.work.spend(len(names))
    return all(name in value for name in names)


def _has_needed(value: Any, needed: Mapping[str, Any], check: Check) -> bool:
    check.work.spend(len(needed))
    return all(_has_all(value, names, check) for name, names in needed.items() if name in value and _is_list(names))


def _has_no_others(value: Any, known: Any, check: Check) -> bool:
    return next(_others(value, known, check), None) is None


def _fits_one(value: Any, members: Any, check: Check) -> bool:
    fitting = (member for member in members if check.follows(member, value))
    return next(fitting, None) is not None and next(fitting, None) is None


# --- schemas for the value and for parts of it -----------------------------------------------------------------------


def _same(value: Any, schemas: Any, _: Check) -> Iterator[Part]:
    return ((schema, (), value) for schema in schemas)


def _branch(value: Any, branches: Any, check: Check) -> Iterator[Part]:
    condition, then, other = branches
    yield then if check.follows(condition, value) else other, (), value


def _depending(value: Any, members: Mapping[str, Any], check: Check) -> Iterator[Part]:
    check.work.spend(len(members))
    return ((schema, (), value) for name, schema in members.items() if name in value and not _is_list(schema))


def _properties(value: Any, members: Mapping[str, Any], check: Check) -> Iterator[Part]:
    check.work.spend(len(members))
    return ((schema, (name,), value[name]) for name, schema in members.items() if name in value)


def _matching(value: Any, patterns: Any, check: Check) -> Iterator[Part]:
    for name, item in value.items():
        for pattern, schema in patterns:
            if pattern.search(name, check.work):
                yield schema, (name,), item


def _others(value: Any, known: Any, check: Check) -> Iterator[Part]:
    schema, names, patterns = known
    for name, item in value.items():
        check.work.spend()
        if name not in names and not any(pattern.search(name, check.work) for pattern in patterns):
            yield schema, (name,), item


def _items(value: Any, wanted: Any, _: Check) -> Iterator[Part]:
    if isinstance(wanted, list):  # a schema for each of the first ones
        return ((schema, (number,), item) for number, (schema, item) in enumerate(zip(wanted, value, strict=False)))
    schema, skipped = wanted
    return ((schema, (number,), value[number]) for number in range(skipped, len(value)))


# --- what is prepared ------------------------------------------------------------------------------------------------


def _type_test(wanted: Any, *_: object) -> Callable[[Any], bool]:
    if isinstance(wanted, str):
        return KINDS[wanted]
    tests = [KINDS[name] for name in wanted]
    return lambda value: any(test(value) for test in tests)


def _keys(accepted: Any, *_: object) -> set[Hashable]:
    return {key_of(one, Work()) for one in accepted}


def _counted(schema: Any, around: Schema, _: Document) -> Any:
    return schema, around.get("minContains", 1), around.get("maxContains")


def _branches(condition: Any, around: Schema, _: Document) -> Any:
    return condition, around.get("then", True), around.get("else", True)


def _pattern_schemas(members: Mapping[str, Any], _: Schema, document: Document) -> list[tuple[Pattern, Any]]:
    return [(document.pattern(pattern), schema) for pattern, schema in members.items()]


def _known_alone(schema: Any, around: Schema, document: Document) -> Any:
    return _known({}, around, document) if schema is False else None


def _known(schema: Any, around: Schema, document: Document) -> Any:
    if isinstance(schema, bool):
        return None  # true asks for nothing, and false is one violation of the object
    patterns = [document.pattern(pattern) for pattern in around.get("patternProperties", ())]
    return schema, around.get("properties", {}).keys(), patterns


def _after_prefix(schema: Any, around: Schema, _: Document) -> Any:
    # A list before 2020-12.
    return schema if isinstance(schema, list) else (schema, len(around.get("prefixItems", ())))


def _after_items(schema: Any, around: Schema, _: Document) -> Any:
    first = around.get("items")
    return (schema, len(first)) if isinstance(first, list) else None


_ALL = (
    Keyword("type", "any", lambda value, test, _: test(value), prepare=_type_test),
    Keyword("enum", "any", _is_one_of, prepare=_keys),
    Keyword("const", "any", _is_one_of, prepare=lambda accepted, *_: _keys([accepted])),
    Keyword("minimum", "number", lambda value, limit, _: value >= limit),
    Keyword("maximum", "number", lambda value, limit, _: value <= limit),
    Keyword("exclusiveMinimum", "number", lambda value, limit, _: value > limit),
    Keyword("exclusiveMaximum", "number", lambda value, limit, _: value < limit),
    Keyword("multipleOf", "number", _is_multiple),
    Keyword("minLength", "string", _is_as_long),
    Keyword("maxLength", "string", _is_as_short),
    Keyword("pattern", "string", _is_found, prepare=lambda pattern, _, document: document.pattern(pattern)),
    Keyword("minItems", "array", _is_as_long),
    Keyword("maxItems", "array", _is_as_short),
    Keyword("prefixItems", "array", parts=_items),
    Keyword("items", "array", parts=_items, prepare=_after_prefix),
    Keyword("additionalItems", "array", parts=_items, prepare=_after_items),
    Keyword("contains", "array", _contains, prepare=_counted),
    Keyword("uniqueItems", "array", _are_unique),
    Keyword("minProperties", "object", _is_as_long),
    Keyword("maxProperties", "object", _is_as_short),
    Keyword("required", "object", _has_all),
    Keyword("properties", "object", parts=_properties),
    Keyword("patternProperties", "object", parts=_matching, prepare=_pattern_schemas),
    Keyword("additionalProperties", "object", _has_no_others, prepare=_known_alone),
    Keyword("additionalProperties", "object", parts=_others, prepare=_known),
    Keyword("propertyNames", "object", parts=lambda value, schema, _: ((schema, (name,), name) for name in value)),
    Keyword("dependencies", "object", _has_needed),
    Keyword("dependencies", "object", parts=_depending),
    Keyword("dependentRequired", "object", _has_needed),
    Keyword("dependentSchemas", "object", parts=_depending),
    Keyword("$ref", "any", parts=_same, prepare=lambda reference, _, document: [document.find(reference)]),
    Keyword("allOf", "any", parts=_same),
    Keyword("anyOf", "any", lambda value, schemas, check: any(check.follows(schema, value) for schema in schemas)),
    Keyword("oneOf", "any", _fits_one),
    Keyword("not", "any", lambda value, schema, check: not check.follows(schema, value)),
    Keyword("if", "any", parts=_branch, prepare=_branches),
)
KEYWORDS: Mapping[str, Sequence[Keyword]] = {
    name: [one for one in _ALL if one.keyword == name] for name in dict.fromkeys(one.keyword for one in _ALL)
}
