"""Where a guest process finds an agent or a function that a worker has: by an import, or in the program or a plugin."""

from __future__ import annotations

import inspect
import json
import operator
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

OBJECT, INSTANCE, PROGRAM, PLUGIN = "object", "instance", "program", "plugin"
"""Kinds of places: an attribute of a module; what a class of one makes without arguments; an agent of the ``AgentOS``
in a module; an agent that an installed plugin registers."""

Place = tuple[str, str, str]
"""A kind; then a module and an attribute of it, a module and an agent's id, or a plugin and an agent's id."""


HOST = "agentos.guests.own.host"
"""The module of guest processes that loads what is at a place."""

AGENT_PREFIX = "agent_"
CALL_TOOL = f"{HOST}:call_tool"


def target_of(place: Place) -> str:
    """Return the target by which a guest process finds the agent at a place."""
    return f"{HOST}:{AGENT_PREFIX}{json.dumps(place).encode().hex()}"


def place_in(name: str) -> Place:
    """Return the place that a name of :func:`target_of` stands for."""
    kind, where, what = json.loads(bytes.fromhex(name.removeprefix(AGENT_PREFIX)))
    return kind, where, what


def place_of_agent(agent: object, agent_id: str, source: str, program: str | None) -> Place | None:
    """Return where a guest process finds an agent; ``None``: nowhere.

    ``source`` is the plugin that registered it, or ``code``. ``program`` is the module that ``AGENTOS_APP`` names.
    """
    found = place_of_object(agent)
    if found is not None:
        return found
    if source != "code":
        return (PLUGIN, source, agent_id) if _is_installed(source) else None
    module = sys.modules.get(program or "__main__")
    name = None if module is None else importable_name(module)
    if module is None or name is None:
        return None
    held = any(server.agents.get(agent_id) is agent for server in servers_in(module))
    return (PROGRAM, name, agent_id) if held else None


def place_of_object(wanted: object) -> Place | None:
    """Return the module and attribute that lead to an object, or to another of its class that is as it."""
    module = sys.modules.get(getattr(type(wanted), "__module__", ""))
    others = (one for name, one in list(sys.modules.items()) if isinstance(one, ModuleType) and one is not module)
    for one in (module, *others):
        attribute = None if one is None else _attribute_with(one, wanted)
        if one is not None and attribute is not None and (name := importable_name(one)) is not None:
            return OBJECT, name, attribute
    kind = type(wanted)
    path = _path_of(kind, kind.__module__, kind.__qualname__)
    if path is None or getattr(wanted, "__dict__", None) or hasattr(wanted, "__slots__") or _needs_arguments(kind):
        return None
    return INSTANCE, *path


def place_of_function(function: Callable[..., Any]) -> tuple[Place, str] | None:
    """Return where a function is, or the object that a method is of, and the method's name; ``None``: nowhere."""
    holder = getattr(function, "__self__", None)
    if holder is not None and not isinstance(holder, ModuleType):
        place = place_of_object(holder)
        return None if place is None else (place, function.__name__)
    inner = inspect.unwrap(function)
    for one in (function, inner):
        path = _path_of(function, getattr(one, "__module__", ""), getattr(one, "__qualname__", ""))
        if path is not None:
            return (OBJECT, *path), ""
    return None


def importable_name(module: ModuleType) -> str | None:
    """Return the name by which another process imports a module; ``None`` if it would not find it."""
    name = module.__name__
    if name == "__main__":
        spec = getattr(module, "__spec__", None)
        file = getattr(module, "__file__", None)
        name = spec.name if spec is not None else Path(file).stem if file else ""
    origin = _origin(name)
    file = getattr(module, "__file__", None)
    if origin is None or not file:
        return None
    with suppress(OSError):
        return name if Path(origin).samefile(file) else None
    return None


def servers_in(module: ModuleType) -> Iterator[Any]:
    """Yield the ``AgentOS`` objects that are attributes of a module."""
    for value in list(vars(module).values()):
        if any(kind.__module__ == "agentos.server" for kind in type(value).__mro__):
            yield value


def _origin(name: str) -> str | None:
    """Return the file of a module as it would be imported anew. Loads nothing."""
    path: Any = None
    spec = None
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        part = ".".join(parts[:end])
        found = (finder.find_spec(part, path) for finder in sys.meta_path if hasattr(finder, "find_spec"))
        spec = next((one for one in found if one is not None), None)
        if spec is None:
            return None
        path = spec.submodule_search_locations
    return None if spec is None else spec.origin


def _attribute_with(module: ModuleType, wanted: object) -> str | None:
    # By identity: to compare is other people's code.
    return next((name for name, value in list(vars(module).items()) if value is wanted and name.isidentifier()), None)


def _path_of(wanted: object, module_name: str, qualname: str) -> tuple[str, str] | None:
    module = sys.modules.get(module_name)
    if module is None or not qualname or "<" in qualname:
        return None
    with suppress(AttributeError):
        if operator.attrgetter(qualname)(module) is wanted and (name := importable_name(module)) is not None:
            return name, qualname
    return None


def _needs_arguments(kind: type) -> bool:
    try:
        parameters = inspect.signature(kind).parameters.values()
    except (TypeError, ValueError):
        return True
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return any(one.default is one.empty and one.kind not in variable for one in parameters)


def _is_installed(plugin: str) -> bool:
    from importlib.metadata import entry_points

    return any(entry.name == plugin for entry in entry_points(group="agentos"))
