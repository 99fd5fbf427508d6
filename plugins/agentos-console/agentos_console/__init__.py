"""The console: a page at ``/`` for people, on the public API alone."""

from __future__ import annotations

from agentos import RegisterRoutes, RegisterSetting, Server, hookimpl
from agentos_console.settings import PATH, register_all


@hookimpl
def register_settings(register: RegisterSetting) -> None:
    """Register where the page is, what it is called, and how it looks."""
    register_all(register)


@hookimpl
def register_routes(register: RegisterRoutes, server: Server) -> None:
    """Register the page and its files."""
    settings = server.config.plugin_settings
    if settings[PATH] is None:
        return
    # Late: commands that serve nothing load no web framework.
    from agentos_console.routes import make_routes

    register(make_routes(settings))
