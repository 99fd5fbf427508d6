"""All resources of the API."""

from __future__ import annotations

from agentos.api import agents, catalog, docs, health, history, runs, sessions
from agentos.api.routes import Routes

RESOURCES: tuple[Routes, ...] = (
    sessions.routes,
    history.routes,
    agents.routes,
    runs.routes,
    catalog.routes,
    health.routes,
    docs.routes,
)
