"""All operations of a server: the core's own, and what plugins register."""

from __future__ import annotations

from agentos.api.kit.route_table import CORE, RouteTable
from agentos.api.system import health, index
from agentos.api.v1 import (
    agent_versions,
    agents,
    approval_rules,
    catalog,
    history,
    keys,
    owner_data,
    pauses,
    runs,
    sessions,
    settings,
)
from agentos.auth.exposure import is_confined
from agentos.domain.principal import READ_SETTINGS
from agentos.services.server import Server
from agentos.services.services import Services

CORE_ROUTES = (
    sessions.routes,
    history.routes,
    agents.routes,
    agent_versions.routes,
    runs.routes,
    approval_rules.routes,
    pauses.routes,
    owner_data.routes,
    keys.routes,
    settings.routes,
    catalog.routes,
    index.routes,
    health.routes,
)


def collect_routes(services: Services, server: Server) -> RouteTable:
    """Return all operations, and let callers have the scopes that plugins declare for theirs.

    A plugin that cannot register is reported and left out. Raises :class:`~agentos.errors.PluginError` where plugins
    are strict.
    """
    table = RouteTable()
    for routes in CORE_ROUTES:
        table.add(routes, source=CORE)
    services.plugins.on_removal(table.remove_source)
    services.plugins.call("register_routes", table.register, server=server)
    services.auth.allow_anonymous(table.scopes)
    if is_confined(services.config):  # its users have the machine, and may see how it is set up
        services.auth.allow_anonymous([READ_SETTINGS])
    services.keys.allow(table.scopes)
    return table


def server_of(services: Services) -> Server:
    """Return what plugins are given of a server."""
    return services.server
