"""The JSON schema and description of a function for a model, made from signature and docstring."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import docstring_parser

from agentos.errors import PluginError
from agentos.tools.annotations import descriptions, shape_of
from agentos.tools.context import ToolContext
from agentos.tools.shapes import Member, UnsupportedAnnotation, convert_members, object_schema


@dataclass(frozen=True, slots=True)
class FunctionSchema:
    """A function as a model sees it. ``context_parameter`` is the one that the model does not see."""

    description: str
    parameters: Mapping[str, Any]
    context_parameter: str | None
    members: Mapping[str, Member]

    def convert(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Turn checked JSON arguments into keyword arguments; raise ``ValueError`` naming what is not accepted.

        Arguments that are not given stay away, so that the function's own defaults apply.
        """
        return convert_members(self.members, arguments)


def function_schema(function: Callable[..., Any]) -> FunctionSchema:
    """Describe a function; all its parameters must be annotated.

    Raises :class:`~agentos.errors.PluginError` naming the function and the parameter that cannot be described.
    """
    name = getattr(function, "__qualname__", repr(function))
    _check_kind(function, name)
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as error:
        raise PluginError(
            f"tool function {name!r}: an annotation cannot be resolved: {error}; import its type at run time, not"
            " under TYPE_CHECKING"
        ) from error
    documented = descriptions(function.__doc__)
    members: dict[str, Member] = {}
    context_parameter: str | None = None
    for parameter in inspect.signature(function).parameters.values():
        if hints.get(parameter.name) in (ToolContext, ToolContext | None):
            if context_parameter is not None:
                raise PluginError(f"tool function {name!r}: only one parameter may be a ToolContext")
            context_parameter = parameter.name
        else:
            members[parameter.name] = _member(name, parameter, hints, documented.get(parameter.name))
    description = (docstring_parser.parse(function.__doc__ or "").description or "").strip()
    return FunctionSchema(description, object_schema(members), context_parameter, members)


def _check_kind(function: Callable[..., Any], name: str) -> None:
    if not inspect.isroutine(function):
        hint = "; this is a class, give an instance of the toolkit" if inspect.isclass(function) else ""
        raise PluginError(
            f"{function!r:.200} is no tool; accepted: a typed function or method, a @tool function, a Tool, a Toolkit"
            f" object{hint}"
        )
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        raise PluginError(
            f"tool function {name!r} is a generator; accepted: a function, also an `async def`, that returns its result"
        )


def _member(name: str, parameter: inspect.Parameter, hints: Mapping[str, Any], description: str | None) -> Member:
    where = f"parameter {parameter.name!r} of tool function {name!r}"
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        raise PluginError(f"{where} takes any number of arguments; accepted: parameters with a name and a type each")
    if parameter.kind is parameter.POSITIONAL_ONLY:
        raise PluginError(f"{where} is positional-only; accepted: parameters that can be given by name")
    if parameter.name not in hints:
        raise PluginError(f"{where} has no type annotation; give it one, as in '{parameter.name}: str'")
    try:
        shape = shape_of(hints[parameter.name])
    except UnsupportedAnnotation as error:
        raise PluginError(
            f"{where} cannot be described to a model: {error}; accepted: str, int, float, bool, None, Literal, Enum,"
            " list, tuple, set, dict[str, …], dataclass, TypedDict, pydantic model, date, time, datetime, UUID,"
            " Decimal, and unions of them"
        ) from error
    required = parameter.default is parameter.empty
    return Member(shape, required, description, ... if required else parameter.default)
