"""The settings of the server that answers, without its secrets."""

from __future__ import annotations

from dataclasses import asdict

from flask import Response

from agentos.advice import unread_variables
from agentos.api.kit.routes import ResponseSpec, Routes, json_response, services
from agentos.api.v1.schemas.settings import SettingListSchema
from agentos.domain.principal import ADMIN, READ_SETTINGS
from agentos.services.settings import shown_settings

routes = Routes("settings", "How the server is set up.")


@routes.get(
    "/api/v1/settings",
    access=(ADMIN, READ_SETTINGS),
    responses={200: ResponseSpec("All settings.", SettingListSchema)},
)
def list_settings() -> Response:
    """List the settings, each with its value and where that came from.

    As `flask agentos config` shows them, those of plugins too. Values of secrets are never shown. A server that asks
    for no credential and serves its own machine alone shows them to its users.
    """
    config = services().config
    rows = [asdict(one) for one in shown_settings(config)]
    warnings = list(unread_variables(config, services().plugins.reports))
    return json_response({"settings": rows, "count": len(rows), "warnings": warnings})
