"""Keywords for any value, for numbers and for texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from agentos.json_schema.equality import key_of
from agentos.json_schema.keywords.contract import Check, Compiler, Make, Schema, simple
from agentos.json_schema.violation import Path, Violation
from agentos.json_schema.work import Work

Sized = type[str] | type[list[Any]] | type[dict[Any, Any]]


def is_number(value: Any) -> bool:
    """Tell whether a value is a number of JSON, which true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, Mapping),
    "number": is_number,
    "integer": lambda value: is_number(value) and (isinstance(value, int) or value.is_integer()),
}


def type_(wanted: Any, schema: Schema, _: Compiler) -> Check:
    """Check the type; 3.0 is an integer."""
    tests = [_TYPES[name] for name in ([wanted] if isinstance(wanted, str) else wanted)]
    if len(tests) == 1:
        return simple("type", schema, tests[0])
    return simple("type", schema, lambda value: any(test(value) for test in tests))


def enum(accepted: Any, schema: Schema, _: Compiler) -> Check:
    """Accept some values only."""
    keys = {key_of(one, Work()) for one in accepted}

    def check(value: Any, path: Path, work: Work) -> Iterator[Violation]:
        if key_of(value, work) not in keys:
            yield Violation(path, "enum", schema, value)

    return check


def const(accepted: Any, schema: Schema, _: Compiler) -> Check:
    """Accept one value only."""
    wanted = key_of(accepted, Work())

    def check(value: Any, path: Path, work: Work) -> Iterator[Violation]:
        if key_of(value, work) != wanted:
            yield Violation(path, "const", schema, value)

    return check


def numeric(keyword: str, fits: Callable[[Any, Any], bool]) -> Make:
    """Return the maker of a check that compares a number with a limit."""

    def make(limit: Any, schema: Schema, _: Compiler) -> Check:
        return simple(keyword, schema, lambda value: not is_number(value) or fits(value, limit))

    return make


def is_multiple(value: Any, divisor: Any) -> bool:
    """Tell whether a number is a multiple of another."""
    # As they are written: 0.3 is a multiple of 0.1, which it is not as a binary fraction.
    return Fraction(str(value)) % Fraction(str(divisor)) == 0


def length(keyword: str, kind: Sized, fits: Callable[[int, Any], bool]) -> Make:
    """Return the maker of a check that compares a length with a limit."""

    def make(limit: Any, schema: Schema, _: Compiler) -> Check:
        return simple(keyword, schema, lambda value: not isinstance(value, kind) or fits(len(value), limit))

    return make


def pattern(text: Any, schema: Schema, compiler: Compiler) -> Check:
    """Look for a regular expression in a text."""
    compiled = compiler.pattern(text)

    def check(value: Any, path: Path, work: Work) -> Iterator[Violation]:
        if isinstance(value, str) and not compiled.search(value, work):
            yield Violation(path, "pattern", schema, value)

    return check
