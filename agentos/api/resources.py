"""All resources of the API."""

from __future__ import annotations

from agentos.api import agents, catalog, docs, health, history, owner_data, runs, sessions
from agentos.api.routes import PUBLIC, Routes

RESOURCES: tuple[Routes, ...] = (
    sessions.routes,
    history.routes,
    agents.routes,
    runs.routes,
    owner_data.routes,
    catalog.routes,
    health.routes,
    docs.routes,
)

PUBLIC_ENDPOINTS = frozenset(
    route.endpoint for routes in RESOURCES for route in routes.declared if route.access == PUBLIC
)
"""What answers without a credential."""
