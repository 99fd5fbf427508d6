"""Which functions another process can import. Apart from what starts that process, which every plugin would pay for."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from typing import Any

from agentos.errors import PluginError


def check_importable(name: str, function: Callable[..., Any]) -> None:
    """Raise :class:`~agentos.errors.PluginError` for a function that another process could not import."""
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
