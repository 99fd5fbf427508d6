"""Tools and toolkits: typed functions with the description that a model gets."""

from __future__ import annotations

import inspect
import operator
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ParamSpec, TypeVar, overload

from agentos.domain.tool_spec import ToolSpec
from agentos.errors import PluginError
from agentos.json_schema.check import SchemaRefused, check_schema
from agentos.tools.approval import Approval, When
from agentos.tools.arguments import ArgumentReader
from agentos.tools.context import ToolContext
from agentos.tools.schema import function_schema

P = ParamSpec("P")
R = TypeVar("R")

TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What OpenAI, and every server compatible with it, accepts as the name of a function."""

_MARK = "__agentos_tool_options__"
_MADE = "__agentos_tool__"


@dataclass(frozen=True, eq=False, kw_only=True)
class Tool:
    """A function that a model may call. Make one with :func:`as_tool`, or here where the schema is known otherwise.

    ``parameters`` is a JSON schema of type object; ``function`` is called with the checked arguments by name.
    ``timeout`` is in seconds; without one the server's setting ``tool_timeout`` holds. ``context_parameter`` names the
    parameter that is given the :class:`~agentos.ToolContext`. ``convert`` turns the checked JSON into other Python
    values, raising ``ValueError`` for what it does not accept. An ``isolated`` tool is called in a process of its own,
    with limits, and killed when its time is over; it is imported there anew, so it has to be a function of a module.
    So has one with ``async def``, which is called in a guest process unless it is isolated.
    With ``approval``, a person has to approve calls of the tool, for which the run pauses: ``True`` for each call, a
    function of the call and its context for some, or an :class:`~agentos.Approval` with its terms.

    Raises :class:`~agentos.errors.PluginError` when a value cannot be right.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    function: Callable[..., Any] = field(repr=False)
    timeout: float | None = None
    context_parameter: str | None = None
    convert: Callable[[Mapping[str, Any]], dict[str, Any]] | None = field(default=None, repr=False)
    isolated: bool = False
    approval: bool | When | Approval = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not TOOL_NAME.fullmatch(self.name):
            raise PluginError(
                f"tool name {self.name!r} is not accepted: 1 to 64 of letters (a-z, A-Z), digits, '_' and '-'"
            )
        if self.timeout is not None and not self.timeout > 0:
            raise PluginError(f"timeout of tool {self.name!r} is {self.timeout!r}; accepted: seconds, more than 0")
        if not isinstance(self.parameters, Mapping) or self.parameters.get("type") != "object":
            raise PluginError(f"parameters of tool {self.name!r} are not a JSON schema of type 'object'")
        # orjson writes nothing but a dict as an object.
        object.__setattr__(self, "parameters", dict(self.parameters))
        try:
            check_schema(self.parameters)
        except SchemaRefused as error:
            raise PluginError(
                f"parameters of tool {self.name!r} are no JSON schema that is accepted, {error}"
            ) from error
        try:
            Approval.of(self.approval)
        except TypeError as error:
            raise PluginError(f"tool {self.name!r}: {error}") from None
        if self.isolated:
            _check_importable(self.name, self.function)

    @cached_property
    def spec(self) -> ToolSpec:
        """The description that a model gets."""
        return ToolSpec(self.name, self.description, self.parameters)

    @cached_property
    def is_async(self) -> bool:
        """Whether the function is an ``async def``. It is called in a guest process, where there is an event loop."""
        return inspect.iscoroutinefunction(self.function)

    @cached_property
    def needs_approval(self) -> Approval | None:
        """On which terms calls of the tool have to be approved."""
        return Approval.of(self.approval)

    @cached_property
    def reader(self) -> ArgumentReader:
        """What checks the arguments of this tool's calls."""
        return ArgumentReader(self.name, self.parameters, self.convert)

    def bind(self, arguments: Mapping[str, Any], context: ToolContext) -> dict[str, Any]:
        """Return what ``function`` is to be called with; raise :class:`~agentos.errors.InvalidRequest`."""
        given = self.reader.read(arguments)
        if self.context_parameter is not None:
            given[self.context_parameter] = context
        return given


def _check_importable(name: str, function: Callable[..., Any]) -> None:
    module = getattr(function, "__module__", None) or "?"
    where = getattr(function, "__qualname__", repr(function))
    try:
        found = None if module == "__main__" else operator.attrgetter(where)(sys.modules[module])
    except (AttributeError, KeyError):
        found = None
    if found is not function:
        raise PluginError(
            f"tool {name!r} is isolated, and {module}.{where} cannot be imported by a process of its own; accepted: a"
            " function of a module, not a lambda, a function inside a function, a method of an object, or one of the"
            " main program"
        )


@dataclass(frozen=True, slots=True)
class _Options:
    name: str | None = None
    description: str | None = None
    timeout: float | None = None
    isolated: bool = False
    approval: bool | When | Approval = False


@overload
def tool(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    timeout: float | None = None,
    isolated: bool = False,
    approval: bool | When | Approval = False,
    remember: bool = False,
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def tool(
    function: Callable[P, R] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    timeout: float | None = None,
    isolated: bool = False,
    approval: bool | When | Approval = False,
    remember: bool = False,
) -> Callable[P, R] | Callable[[Callable[P, R]], Callable[P, R]]:
    """Mark a function, or a method of a :class:`Toolkit`, as a tool; it stays callable as it is.

    Name, description and JSON schema come from the function, its docstring and its annotations. A tool that computes
    much, or that others wrote, is ``isolated``; one that a person has to approve has ``approval``: see :class:`Tool`.
    With ``remember``, the approver may let a decision hold for later calls of the session.

    >>> @tool(timeout=5)
    ... def add(a: int, b: int) -> int:
    ...     '''Add two numbers.'''
    ...     return a + b
    """
    try:
        terms = Approval.of(approval, remember=remember) or False
    except TypeError as error:
        raise PluginError(f"@tool: {error}") from None

    def mark(marked: Callable[P, R]) -> Callable[P, R]:
        # A static or class method shows its function's attributes, not its own.
        inner = getattr(marked, "__func__", marked)
        setattr(inner, _MARK, _Options(name, description, timeout, isolated, terms))
        vars(inner).pop(_MADE, None)
        return marked

    return mark if function is None else mark(function)


def as_tool(function: Callable[..., Any]) -> Tool:
    """Return the tool that a typed function or bound method is, with what its ``@tool`` said.

    Raises :class:`~agentos.errors.PluginError` for what no schema can be made of.
    """
    made = getattr(function, _MADE, None)
    # A decorator that uses functools.wraps copies our attribute: what it holds is then the tool of the inner function.
    if isinstance(made, Tool) and made.function is function:
        return made
    schema = function_schema(function)
    options = getattr(function, _MARK, _Options())
    made = Tool(
        name=function.__name__ if options.name is None else options.name,
        description=schema.description if options.description is None else options.description,
        parameters=schema.parameters,
        function=function,
        timeout=options.timeout,
        context_parameter=schema.context_parameter,
        convert=schema.convert,
        isolated=options.isolated,
        approval=options.approval,
    )
    if inspect.isfunction(function):
        setattr(function, _MADE, made)
    return made


class Toolkit:
    """Tools that share something: subclass it, mark methods with ``@tool``, and register an instance.

    ``prefix`` is put before each method's name, which keeps two instances apart. A method ``close()`` that is no tool
    is called once, when the worker ends, if a plugin registered the toolkit.

    >>> class Notes(Toolkit):
    ...     prefix = "notes_"
    ...     @tool
    ...     def add(self, text: str) -> None:
    ...         '''Write a note.'''
    """

    prefix: str = ""

    def tools(self) -> list[Tool]:
        """Return the bound tools in the order of their definition, the same ones at each call."""
        made: list[Tool] | None = vars(self).get(_MADE)
        if made is None:
            names = dict.fromkeys(name for one in reversed(type(self).__mro__) for name in vars(one))
            marked = [name for name in names if hasattr(getattr(type(self), name, None), _MARK)]
            bound = [as_tool(getattr(self, name)) for name in marked]
            made = [replace(one, name=f"{self.prefix}{one.name}") for one in bound]
            vars(self)[_MADE] = made
        return list(made)


def is_tool(function: object) -> bool:
    """Return whether a function or method is marked with ``@tool``."""
    return hasattr(function, _MARK)


def as_tools(value: Tool | Toolkit | Callable[..., Any]) -> list[Tool]:
    """Return the tools that a tool, a toolkit or a function stands for; raise ``PluginError`` for anything else."""
    if isinstance(value, Tool):
        return [value]
    if isinstance(value, Toolkit):
        return value.tools()
    return [as_tool(value)]
