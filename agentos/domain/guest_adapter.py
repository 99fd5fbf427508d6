"""Checks what a plugin registers to run the agents of a framework in guest processes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from agentos.domain.guest import ENVIRONMENT_NAME, GuestAdapter
from agentos.errors import PluginError

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


def checked_adapter(name: str, path: Path, framework: str, environment: Mapping[str, str]) -> GuestAdapter:
    """Return an adapter as guest processes are given it; raise ``PluginError`` for values that cannot be right."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise PluginError(
            f"guest adapter {name!r:.100}: accepted are 1 to 32 of small letters, digits and '-', the first a letter or"
            " digit"
        )
    place = Path(path)
    if not (place.is_file() or (place / "__init__.py").is_file()):
        raise PluginError(f"guest adapter {name!r}: {str(place)!r} is neither a file nor a folder with __init__.py")
    if not isinstance(framework, str) or not all(part.isidentifier() for part in framework.split(".")):
        raise PluginError(
            f"guest adapter {name!r}: framework is {framework!r:.100}; accepted is the name of a module, as in"
            " 'pydantic_ai'"
        )
    for variable, value in environment.items():
        if not (isinstance(variable, str) and ENVIRONMENT_NAME.fullmatch(variable) and isinstance(value, str)):
            raise PluginError(
                f"guest adapter {name!r}: environment has {variable!r:.100}: {value!r:.100}; accepted are names of"
                " variables, each with a text"
            )
    return GuestAdapter(name=name, path=place.absolute(), framework=framework, environment=environment)
