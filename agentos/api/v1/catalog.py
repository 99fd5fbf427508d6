"""What is installed: models, tools and plugins, each with where it came from."""

from __future__ import annotations

from flask import Response

from agentos.api.kit.routes import ResponseSpec, Routes, json_response, services
from agentos.api.v1.schemas.catalog import ModelListSchema, PluginListSchema, ToolListSchema
from agentos.api.v1.serializers import installed_tool_json

routes = Routes("catalog", "What is installed, and which plugin brought it.")


@routes.get("/api/v1/models", access="agents:read", responses={200: ResponseSpec("All models.", ModelListSchema)})
def list_models() -> Response:
    """List the models that agents may name."""
    models = [{"id": name, "source": source} for name, source in services().catalog.names()]
    return json_response({"models": models, "count": len(models)})


@routes.get("/api/v1/tools", access="agents:read", responses={200: ResponseSpec("All tools.", ToolListSchema)})
def list_tools() -> Response:
    """List the tools that agents may name, and those that sources of tools have now."""
    tools = [installed_tool_json(entry) for entry in services().agents.tools.installed()]
    return json_response({"tools": tools, "count": len(tools)})


@routes.get("/api/v1/plugins", access="agents:read", responses={200: ResponseSpec("All plugins.", PluginListSchema)})
def list_plugins() -> Response:
    """List the plugins and what became of each.

    Why one failed is in the server's log, and what `flask agentos plugins` prints.
    """
    shown = ("name", "distribution", "version", "status", "provides")
    plugins = [{name: getattr(report, name) for name in shown} for report in services().plugins.reports]
    return json_response({"plugins": plugins, "count": len(plugins)})
