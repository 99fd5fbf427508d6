"""The server as an operation reaches it."""

from __future__ import annotations

from agentos.api.kit.current import this_app
from agentos.services.server import Server


def server() -> Server:
    """Return the server that serves this request: its agents, sessions and runs."""
    found: Server = this_app().extensions["agentos.plugin_server"]
    return found
