"""What applications serve, for tests that go through all operations: nothing is a list of its own."""

from functools import cache

from agentos.api.kit.route_table import RouteTable
from agentos.api.kit.routes import Routes
from agentos.app import create_app
from agentos.config import Config


@cache
def route_table(*, installed: bool) -> RouteTable:
    """Return what is served by the core, or by the core and all installed plugins."""
    app = create_app(Config(database_url="memory://", environ={}, plugins=None if installed else ()))
    app.extensions["agentos"].close()
    table: RouteTable = app.extensions["agentos.routes"]
    return table


RESOURCES: list[Routes] = route_table(installed=False).resources
INSTALLED: list[Routes] = route_table(installed=True).resources
