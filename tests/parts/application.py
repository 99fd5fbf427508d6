"""What applications serve, for tests that go through all operations: nothing is a list of its own."""

from collections.abc import Mapping

from agentos.api.kit.route_table import RouteTable
from agentos.app import create_app
from agentos.config import Config
from parts.notes_plugin import NotesPlugin

SWEPT_PLUGINS: Mapping[str, object] = {"notes": NotesPlugin()}
"""Plugins of tests with operations that every sweep goes through, beside the installed ones."""


def route_table(installed: tuple[str, ...] | None, plugins: Mapping[str, object]) -> RouteTable:
    """Return what is served with these installed plugins (``None``: all) and these of tests."""
    config = Config(database_url="memory://", environ={}, plugins=installed, assistant=False)
    app = create_app(config, plugins=plugins)
    app.extensions["agentos"].close()
    table: RouteTable = app.extensions["agentos.routes"]
    return table


RESOURCES = route_table((), {}).resources
"""What the core serves."""

INSTALLED = route_table(None, {}).resources
"""What the core serves with the installed plugins."""

SWEPT = route_table(None, SWEPT_PLUGINS)
"""What is served with those of tests too."""
