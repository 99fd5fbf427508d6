"""The plugins that are part of the server: they use the hooks as others do, and can be left out as others can."""

from __future__ import annotations

from collections.abc import Mapping

from agentos.hookspecs import hookimpl
from agentos.registrations import RegisterRoutes


class DocsPlugin:
    """Brings ``/docs`` and ``/openapi.yaml``."""

    @hookimpl
    def register_routes(self, register: RegisterRoutes) -> None:
        """Register the page and the document."""
        from agentos.api.system import docs  # Late: commands that serve nothing load no web framework.

        register(docs.routes)


OWN_PLUGINS: Mapping[str, object] = {"docs": DocsPlugin()}
"""By name; ``AGENTOS_PLUGINS=-docs`` leaves one out."""
