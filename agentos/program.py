"""Finds the :class:`~agentos.server.AgentOS` of a user's program by its name, ``module:name`` (``AGENTOS_APP``)."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from agentos.config import Config
from agentos.errors import AgentOSError, ConfigError
from agentos.observability.startup import place_of
from agentos.server import AgentOS

if TYPE_CHECKING:
    from flask import Flask

GUARD = 'put server.start() under `if __name__ == "__main__":`, or leave it out'


def load_server(name: str) -> AgentOS:
    """Import a program and return its server, without an application yet.

    ``name`` may lead to an ``AgentOS`` or to its ``app``. Raises :class:`~agentos.errors.ConfigError` in one line that
    says where the program failed.
    """
    module_name, _, attribute = name.partition(":")
    # As `python FILE` and Flask do: the program's own modules are beside it. A console script has no such entry.
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found = getattr(import_module(module_name), attribute, None)
    except Exception as error:
        raise ConfigError(f"program {name!r} cannot be imported: {_reason(error)}") from error
    except SystemExit as error:
        raise ConfigError(f"program {name!r} ended while it was imported; {GUARD}") from error
    if not isinstance(found, AgentOS):
        found = getattr(found, "extensions", {}).get("agentos.server", found)
    if not isinstance(found, AgentOS):
        given = "is not there" if found is None else f"is of type {type(found).__name__}"
        raise ConfigError(
            f"{attribute!r} in module {module_name!r} {given}; accepted is an agentos.AgentOS, or its app"
        )
    if found.is_built:  # Connections of its application do not survive a fork.
        found.app.extensions["agentos"].close()
        return found.copy()
    return found


def create_app() -> Flask:
    """Return the WSGI application of this deployment, with the agents of ``AGENTOS_APP`` where that is set."""
    config = Config()
    return (load_server(config.app) if config.app else AgentOS(config)).app


def _reason(error: Exception) -> str:
    message = error.message if isinstance(error, AgentOSError) else f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg} ({Path(error.filename or '?').name}, line {error.lineno})"
    return f"{message}{place_of(error)}"
