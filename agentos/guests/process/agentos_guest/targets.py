"""Imports what a worker asks for: ``package.module:attribute``."""

from __future__ import annotations

import importlib
from typing import Any


class Refused(Exception):
    """Nothing was run. ``code`` says why to programs, ``reason`` to people, without what others said: see its cause."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def load(target: object) -> Any:
    """Return the object that a target names. Raises :class:`Refused`.

    Imports run in the thread of the loop, where modules expect to be imported. What is imported stays; a module that
    could not be imported is tried again the next time.
    """
    module, separator, attribute = target.partition(":") if isinstance(target, str) else ("", "", "")
    if not (module and separator and attribute) or module.startswith("."):
        raise Refused("attribute", f"the target is {target!r:.200}; accepted is 'package.module:attribute'")
    if module == "__main__":
        raise Refused("import", f"{target!r:.200} is of a main program, which another process cannot import")
    try:
        loaded = importlib.import_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the agent's own code may raise anything, and may call sys.exit()
        raise Refused("import", f"module {module!r} could not be imported: {type(error).__name__}") from error
    return _attribute(loaded, attribute, target)


def _attribute(module: Any, attribute: str, target: object) -> Any:
    # A module may have names with dots, by its own __getattr__.
    try:
        return getattr(module, attribute)
    except AttributeError:
        found = module
    for name in attribute.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            raise Refused("attribute", f"{target!r:.200} is not there: {_owner(found)} has no {name!r}") from None
    return found


def _owner(found: Any) -> str:
    return f"module {found.__name__!r}" if isinstance(found, type(importlib)) else f"its {type(found).__name__}"
