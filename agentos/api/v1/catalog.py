"""What is installed: models, tools and plugins, each with where it came from."""

from __future__ import annotations

from flask import Response

from agentos.api.kit.routes import ResponseSpec, Routes, json_response, services
from agentos.api.v1.schemas.catalog import ModelListSchema, PluginListSchema, ToolListSchema

routes = Routes("catalog", "What is installed, and which plugin brought it.")


@routes.get(
    "/api/v1/models",
    access="agents:read",
    responses={200: ResponseSpec(description="All models.", schema=ModelListSchema)},
)
def list_models() -> Response:
    """List the models that agents may name."""
    models = [{"id": name, "source": source} for name, source in services().catalog.names()]
    return json_response({"models": models, "count": len(models)})


@routes.get(
    "/api/v1/tools",
    access="agents:read",
    responses={200: ResponseSpec(description="All tools.", schema=ToolListSchema)},
)
def list_tools() -> Response:
    """List the tools that agents may name."""
    tools = [
        {
            "name": entry.name,
            "description": entry.value.description,
            "parameters": dict(entry.value.parameters),
            "source": entry.source,
        }
        for entry in services().tools
    ]
    return json_response({"tools": tools, "count": len(tools)})


@routes.get(
    "/api/v1/plugins",
    access="agents:read",
    responses={200: ResponseSpec(description="All plugins.", schema=PluginListSchema)},
)
def list_plugins() -> Response:
    """List the plugins and what became of each.

    Why one failed is in the server's log, and what `flask agentos plugins` prints.
    """
    plugins = [
        {
            "name": report.name,
            "distribution": report.distribution,
            "version": report.version,
            "status": report.status,
            "provides": report.provides,
        }
        for report in services().plugins.reports
    ]
    return json_response({"plugins": plugins, "count": len(plugins)})
