"""All resources of the server."""

from __future__ import annotations

from agentos.api.kit.routes import PAGE, PUBLIC, Routes
from agentos.api.system import docs, health, index
from agentos.api.v1 import agents, catalog, history, owner_data, runs, sessions

RESOURCES: tuple[Routes, ...] = (
    sessions.routes,
    history.routes,
    agents.routes,
    runs.routes,
    owner_data.routes,
    catalog.routes,
    index.routes,
    health.routes,
    docs.routes,
)


def _endpoints(access: str) -> frozenset[str]:
    return frozenset(route.endpoint for routes in RESOURCES for route in routes.declared if route.access == access)


PUBLIC_ENDPOINTS = _endpoints(PUBLIC)
"""What answers anybody without a credential."""

PAGE_ENDPOINTS = _endpoints(PAGE)
"""What answers without a credential where the caller may reach the server at all."""
