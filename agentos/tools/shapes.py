"""Shapes: a JSON schema together with the conversion of what it accepts into Python values, and how shapes combine."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentos.json_schema.validator import Validator

Convert = Callable[[Any, str], Any]
"""Turns checked JSON into the Python value; the second argument is the path to name in a ``ValueError``."""


class UnsupportedAnnotation(Exception):
    """No JSON schema can be made of an annotation; the text says why."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A JSON schema and the conversion that belongs to it; ``None``: the JSON value is the Python value."""

    schema: dict[str, Any]
    convert: Convert | None = None

    def of(self, value: Any, path: str) -> Any:
        """Return the Python value of checked JSON."""
        return value if self.convert is None else self.convert(value, path)


@dataclass(frozen=True, slots=True)
class Member:
    """One property of an object. ``default`` is shown to the model where JSON can say it; ``...``: there is none."""

    shape: Shape
    required: bool
    description: str | None = None
    default: Any = ...


def parsed(parse: Callable[[str], Any], accepted: str, *, format: str) -> Shape:
    """Return the shape of what a function makes of a string, raising ``ValueError`` for what it does not accept."""

    def convert(value: Any, path: str) -> Any:
        try:
            return parse(value)
        except ValueError as error:
            raise ValueError(f"{path} is {value!r:.80}; accepted: {accepted}") from error

    return Shape({"type": "string", "format": format}, convert)


def choice(members: Mapping[Any, Any], kind: str) -> Shape:
    """Return the shape of one of a few JSON values, each with the Python value it stands for."""
    names = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
    types = {names.get(type(value)) for value in members}
    if None in types or not members:
        raise UnsupportedAnnotation(f"the values of {kind} are not all strings, numbers, booleans or null")
    schema: dict[str, Any] = {"enum": list(members)}
    if len(types) == 1:
        schema = {"type": types.pop(), **schema}
    return Shape(schema, lambda value, _: members[value])


def union(members: Sequence[Shape]) -> Shape:
    """Return the shape of what the first fitting member accepts."""
    if all(member.schema.keys() == {"type"} for member in members):
        schema: dict[str, Any] = {"type": list(dict.fromkeys(member.schema["type"] for member in members))}
    else:
        schema = {"anyOf": [member.schema for member in members]}
    tests = [Validator(member.schema) for member in members]

    def convert(value: Any, path: str) -> Any:
        problem: ValueError | None = None
        for member, test in zip(members, tests, strict=True):
            if test.accepts(value):
                try:
                    return member.of(value, path)
                except ValueError as error:  # of "date | str", what is no date may be the string
                    problem = error
        raise problem or ValueError(f"{path} is {value!r:.80}, which is not accepted")

    return Shape(schema, convert if any(member.convert for member in members) else None)


def array(item: Shape, collect: Callable[[Any], Any]) -> Shape:
    """Return the shape of any number of items, collected in a list, tuple, set or frozenset."""

    def convert(value: Any, path: str) -> Any:
        items = [item.of(one, f"{path}[{number}]") for number, one in enumerate(value)]
        try:
            return collect(items)
        except TypeError as error:
            raise ValueError(f"{path} holds an array or object, which cannot be a member of a set") from error

    # "uniqueItems" is not asked for: checking it takes quadratic time, and sets forget duplicates anyway.
    schema = {"type": "array", "items": item.schema} if item.schema else {"type": "array"}
    return Shape(schema, None if item.convert is None and collect is list else convert)


def row(members: Sequence[Shape]) -> Shape:
    """Return the shape of a tuple with a fixed number of items."""
    schema = {"type": "array", "minItems": len(members), "maxItems": len(members)}
    if members:
        schema["prefixItems"] = [member.schema for member in members]

    def convert(value: Any, path: str) -> tuple[Any, ...]:
        return tuple(member.of(value[number], f"{path}[{number}]") for number, member in enumerate(members))

    return Shape(schema, convert)


def dictionary(value_shape: Shape) -> Shape:
    """Return the shape of an object with any names and values of one shape."""
    schema: dict[str, Any] = {"type": "object"}
    if value_shape.schema:
        schema["additionalProperties"] = value_shape.schema
    if value_shape.convert is None:
        return Shape(schema)
    return Shape(
        schema, lambda value, path: {name: value_shape.of(one, f"{path}.{name}") for name, one in value.items()}
    )


def object_schema(members: Mapping[str, Member]) -> dict[str, Any]:
    """Return the schema of an object that has these properties and no others."""
    properties: dict[str, Any] = {}
    for name, member in members.items():
        schema = dict(member.shape.schema)
        if member.description and "description" not in schema:
            schema["description"] = member.description
        default = member.default.value if isinstance(member.default, enum.Enum) else member.default
        finite = not isinstance(default, float) or math.isfinite(default)
        if finite and isinstance(default, str | int | float | None):
            schema["default"] = default
        properties[name] = schema
    required = [name for name, member in members.items() if member.required]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def convert_members(members: Mapping[str, Member], given: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Return the given properties converted; those that are not given stay away."""
    prefix = f"{path}." if path else ""
    return {name: members[name].shape.of(value, f"{prefix}{name}") for name, value in given.items()}
