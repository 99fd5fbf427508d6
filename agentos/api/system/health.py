"""Whether the server lives, and whether it can do its work."""

from __future__ import annotations

import time

from flask import Response

from agentos._version import __version__
from agentos.api.kit.routes import PUBLIC, ResponseSpec, Routes, json_response, services
from agentos.api.system.schemas import HealthSchema, ReadySchema

routes = Routes("health", "Whether the server lives, and whether it can do its work.")


@routes.get("/health", access=PUBLIC, responses={200: ResponseSpec("The process is alive.", HealthSchema)})
def get_health() -> Response:
    """Say that the process is alive; touches nothing, so that a slow database does not get it killed."""
    return json_response(
        {"status": "healthy", "service": "agentos", "time": int(time.time()), "version": __version__},
        headers={"Cache-Control": "no-store"},
    )


@routes.get(
    "/ready",
    access=PUBLIC,
    responses={
        200: ResponseSpec("Ready for requests.", ReadySchema),
        503: ResponseSpec("Not ready; the checks say why.", ReadySchema),
    },
)
def get_readiness() -> Response:
    """Check storage, its schema, disk and clock, and that the server is not about to stop.

    Where `AGENTOS_READY_PROVIDERS` is set, the model providers of the agents are in it: the outcome of a check that is
    made once a minute.
    """
    checks = services().health.ready()
    ready = all(check.ok for check in checks)
    return json_response(
        {
            "status": "ready" if ready else "not_ready",
            "checks": [
                {"name": check.name, "ok": check.ok, "status": check.status, "detail": check.detail} for check in checks
            ],
        },
        200 if ready else 503,
        {"Cache-Control": "no-store"},
    )
