"""What is installed: models, tools and plugins, each with where it came from."""

from __future__ import annotations

from typing import Any

from flask import Response

from agentos.api.kit.callers import caller
from agentos.api.kit.middleware import request_id
from agentos.api.kit.path_parameters import PathParameter
from agentos.api.kit.routes import ResponseSpec, Routes, json_response, services
from agentos.api.kit.stream_limits import take_place
from agentos.api.v1.schemas.catalog import (
    ModelListSchema,
    PluginListSchema,
    ToolCallResultSchema,
    ToolCallSchema,
    ToolListSchema,
)
from agentos.api.v1.tool_responses import installed_tool_json
from agentos.domain.principal import CALL_TOOLS, READ_SETTINGS
from agentos.errors import AgentFailed, AgentNotFound, NotFound, RunRequired, SessionNotFound, TooManyStreams
from agentos.services.direct_calls import ToolCallRequest

routes = Routes(
    "catalog",
    "What is installed, and which plugin brought it.",
    path_parameters={
        "tool_name": PathParameter(
            "What agents name the tool by; with `agent_id`, also what its model knows it by.", slashes=True
        )
    },
)


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


@routes.post(
    "/api/v1/tools/{tool_name}/call",
    access=CALL_TOOLS,
    body=ToolCallSchema,
    body_required=False,
    responses={200: ResponseSpec("The tool returned, or failed.", ToolCallResultSchema)},
    errors=(NotFound, AgentNotFound, SessionNotFound, RunRequired, TooManyStreams, AgentFailed),
)
def call_tool(tool_name: str, body: dict[str, Any]) -> Response:
    """Call a tool by hand.

    Without a model and without a run. The same is asked before it as in a run: arguments that do not fit are 400, what
    a plugin denies is 403, and 409 `RUN_REQUIRED` is what needs an approval, asks a question or is executed by a
    client. What the tool raises is no error of the request: `status` is `failed` then, and `error` says why. So is a
    call that takes longer than the tool's time or `AGENTOS_REQUEST_TIMEOUT`; it is given up. A client that goes away
    changes nothing.
    """
    wanted = ToolCallRequest(caller=caller(), tool=tool_name, request_id=request_id(), **body)
    with take_place():
        done = services().direct_calls.call(wanted)
    answer: dict[str, Any] = {"call_id": done.id, "status": "completed" if done.error is None else "failed"}
    answer |= {"result": done.result} if done.error is None else {"error": done.error}
    return json_response({**answer, "duration": done.duration})


@routes.get("/api/v1/plugins", access="agents:read", responses={200: ResponseSpec("All plugins.", PluginListSchema)})
def list_plugins() -> Response:
    """List the plugins and what became of each.

    Why one failed is in the server's log, and what `flask agentos plugins` prints. With scope `settings:read` it is
    here too.
    """
    shown = ["name", "distribution", "version", "status", "provides"]
    if caller().may(READ_SETTINGS):
        shown.append("error")
    plugins = [{name: getattr(report, name) for name in shown} for report in services().plugins.reports]
    return json_response({"plugins": plugins, "count": len(plugins)})
