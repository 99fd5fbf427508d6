"""``GET /metrics``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flask import Response, request

from agentos.web import ResponseSpec, Routes
from agentos_metrics.backlog import Gauges
from agentos_metrics.places import Reading


def make_routes(read: Callable[[], Sequence[Reading]], backlog: Callable[[], Gauges]) -> Routes:
    """Return the operation that serves what ``read`` and ``backlog`` return."""
    routes = Routes("metrics", "Counts for a monitoring system.")

    @routes.get(
        "/metrics",
        access="metrics:read",
        responses={
            200: ResponseSpec(
                "The metrics of all workers; OpenMetrics for clients that accept it.",
                media_types=("text/plain", "application/openmetrics-text"),
                headers={"Cache-Control": "`no-store`."},
            )
        },
    )
    def get_metrics() -> Response:
        """Read the metrics of all workers, as Prometheus does.

        They name agents of all owners and count what all of them did, so give the scope `metrics:read` to the
        monitoring system alone.
        """
        from agentos_metrics.exposition import render  # Late: most workers are never asked, and it takes memory.

        text, content_type = render(read(), backlog(), request.headers.get("Accept", ""))
        return Response(text, content_type=content_type, headers={"Cache-Control": "no-store", "Vary": "Accept"})

    return routes
