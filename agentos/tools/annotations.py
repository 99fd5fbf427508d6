"""The shape of a Python type annotation: which JSON a model may give for it."""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections import abc
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from functools import reduce
from typing import Any, NotRequired, Required
from uuid import UUID

import docstring_parser

from agentos.tools.bounds import annotate
from agentos.tools.pydantic_models import is_model, model
from agentos.tools.shapes import (
    Member,
    Shape,
    UnsupportedAnnotation,
    array,
    choice,
    convert_members,
    dictionary,
    object_schema,
    parsed,
    row,
    union,
)

_SCALARS: Mapping[Any, Shape] = {
    Any: Shape({}),
    object: Shape({}),
    str: Shape({"type": "string"}),
    bool: Shape({"type": "boolean"}),
    # JSON schema counts 3.0 as an integer and 3 as a number.
    int: Shape({"type": "integer"}, lambda value, _: int(value)),
    float: Shape({"type": "number"}, lambda value, _: float(value)),
    Decimal: Shape({"type": "number"}, lambda value, _: Decimal(str(value))),
    None: Shape({"type": "null"}),
    types.NoneType: Shape({"type": "null"}),
    datetime: parsed(datetime.fromisoformat, "a date and time like 2026-01-31T12:00:00Z", format="date-time"),
    date: parsed(date.fromisoformat, "a date like 2026-01-31", format="date"),
    time: parsed(time.fromisoformat, "a time like 12:00:00", format="time"),
    UUID: parsed(UUID, "a UUID", format="uuid"),
}

_ARRAYS: Mapping[Any, Callable[[Any], Any]] = {
    **dict.fromkeys((list, abc.Sequence, abc.MutableSequence, abc.Collection, abc.Iterable), list),
    **dict.fromkeys((set, abc.Set, abc.MutableSet), set),
    frozenset: frozenset,
}
_DICTIONARIES = (dict, abc.Mapping, abc.MutableMapping)


def shape_of(annotation: Any, parents: tuple[type, ...] = ()) -> Shape:
    """Return the shape of an annotation; ``parents`` are the dataclasses and TypedDicts that it is inside of.

    Raises :class:`~agentos.tools.shapes.UnsupportedAnnotation`.
    """
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        shape = shape_of(arguments[0], parents)
        return Shape(reduce(annotate, arguments[1:], shape.schema), shape.convert)
    if _is_qualifier(origin):
        return shape_of(arguments[0], parents)
    if origin is typing.Literal:
        return choice({value: value for value in arguments}, str(annotation))
    if origin in (typing.Union, types.UnionType):
        return union([shape_of(member, parents) for member in arguments])
    if isinstance(annotation, typing.NewType):
        return shape_of(annotation.__supertype__, parents)
    if type(annotation).__name__ == "TypeAliasType":  # ``type Name = …``, which Python 3.11 does not know
        return shape_of(annotation.__value__, parents)
    if not isinstance(annotation, abc.Hashable):
        raise UnsupportedAnnotation(f"no JSON schema can be made of {annotation!r}")
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    container = origin or annotation
    if container is tuple:
        if not arguments or arguments[1:] == (...,):
            return array(shape_of(arguments[0] if arguments else Any, parents), tuple)
        return row([shape_of(member, parents) for member in arguments])
    if container in _ARRAYS:
        return array(shape_of(arguments[0] if arguments else Any, parents), _ARRAYS[container])
    if container in _DICTIONARIES:
        key, value = arguments or (str, Any)
        if key is not str:
            raise UnsupportedAnnotation(f"the names in a JSON object are str, not {getattr(key, '__name__', key)}")
        return dictionary(shape_of(value, parents))
    if isinstance(annotation, type):
        return _class(annotation, parents)
    raise UnsupportedAnnotation(f"no JSON schema can be made of {annotation!r}")


def descriptions(documented: str | None) -> dict[str, str]:
    """Return what a docstring (Google, reST or NumPy style) says of each parameter."""
    found = docstring_parser.parse(documented or "").params
    return {one.arg_name: " ".join(one.description.split()) for one in found if one.description}


def _class(annotation: type, parents: tuple[type, ...]) -> Shape:
    if issubclass(annotation, enum.Enum):
        return choice({member.value: member for member in annotation}, annotation.__name__)
    if annotation in parents:
        raise UnsupportedAnnotation(f"{annotation.__name__} contains itself; a tool's parameters have a fixed depth")
    if is_model(annotation):
        return model(annotation)
    if dataclasses.is_dataclass(annotation):
        return _dataclass(annotation, (*parents, annotation))
    if hasattr(annotation, "__required_keys__"):
        return _typed_dict(annotation, (*parents, annotation))
    raise UnsupportedAnnotation(f"no JSON schema can be made of {annotation.__name__}")


def _dataclass(annotation: Any, parents: tuple[type, ...]) -> Shape:
    hints, documented = _hints(annotation), descriptions(annotation.__doc__)
    members = {}
    for field in dataclasses.fields(annotation):
        if field.init:
            required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            default = ... if field.default is dataclasses.MISSING else field.default
            shape = shape_of(hints[field.name], parents)
            members[field.name] = Member(shape, required, documented.get(field.name), default)

    def convert(value: Any, path: str) -> Any:
        given = convert_members(members, value, path)
        try:
            return annotation(**given)
        except Exception as error:  # the dataclass's own checks are other people's code
            raise ValueError(f"{path} is not accepted: {error}") from error

    return Shape(object_schema(members), convert)


def _typed_dict(annotation: Any, parents: tuple[type, ...]) -> Shape:
    documented = descriptions(annotation.__doc__)
    members = {}
    for name, hint in _hints(annotation).items():
        required = _is_required(hint, name in annotation.__required_keys__)
        members[name] = Member(shape_of(hint, parents), required, documented.get(name))
    return Shape(object_schema(members), lambda value, path: convert_members(members, value, path))


def _is_required(hint: Any, otherwise: bool) -> bool:
    # ``__required_keys__`` does not see through annotations that are strings.
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Required, NotRequired):
        return origin is Required
    inside = origin is typing.Annotated or _is_qualifier(origin)
    return _is_required(arguments[0], otherwise) if inside else otherwise


def _is_qualifier(origin: Any) -> bool:
    # By name: Python 3.11 has ReadOnly in typing_extensions alone.
    return str(origin).rpartition(".")[2] in ("Required", "NotRequired", "ReadOnly")


def _hints(annotation: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(annotation, include_extras=True)
    except (NameError, TypeError) as error:
        raise UnsupportedAnnotation(f"an annotation of {annotation.__name__} cannot be resolved: {error}") from error
