"""``flask agentos tools``: what tools agents may name, and a try of one without a model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from agentos.cli.group import Failure
from agentos.cli.opening import app_option, opened
from agentos.cli.output import as_json, print_json, print_list, printable
from agentos.cli.values import JSONObject, Pair, Text, json_or_text
from agentos.domain.event import ToolCallEvent
from agentos.domain.ids import new_id
from agentos.domain.message import ToolCall
from agentos.errors import NotFound
from agentos.tools.context import ToolContext
from agentos.tools.tool import Tool

if TYPE_CHECKING:
    from agentos.services.agent_tools import AgentTools
    from agentos.services.services import Services


@app_option
@click.group("tools")
def command() -> None:
    """List, show and call tools."""


@command.command("list")
@as_json
def list_tools(as_json: bool) -> None:
    """List the installed tools, each with the plugin that it came from.

    Those of sources are what these have now, as SOURCE/TOOL.
    """
    from agentos.api.v1.tool_responses import installed_tool_json

    with opened(migrate=False) as services:
        entries = services.agents.tools.installed()
    print_list(
        "tools",
        [installed_tool_json(one) for one in entries],
        ("NAME", "PLUGIN", "DESCRIPTION"),
        [(one.name, one.source, one.value.description.partition("\n")[0]) for one in entries],
        as_json=as_json,
        empty="No tools. 'pip install agentos-server-calculator' brings one.",
    )


@command.command("schema")
@click.argument("name", type=Text())
def schema(name: str) -> None:
    """Print a tool's description as a model gets it, as JSON."""
    from agentos.api.v1.tool_responses import tool_json

    with opened(migrate=False) as services:
        print_json(tool_json(_find(services.agents.tools, name)))


@command.command("call")
@click.argument("name", type=Text())
@click.argument("arguments", metavar="[JSON|@FILE]", type=JSONObject(), required=False)
@click.option("--arg", "pairs", type=Pair(), multiple=True, help="Give one argument; repeatable.")
@as_json
def call(name: str, arguments: dict[str, Any] | None, pairs: Sequence[tuple[str, str]], as_json: bool) -> None:
    """Call a tool without a model, and print what a model would read.

    The value of --arg counts as JSON where it is JSON, unless the tool wants a text there. The exit code is 1 when the
    call failed; AGENTOS_LOG_LEVEL=warning shows the traceback of what it raised. Plugins that may deny calls are asked
    about agent "cli".
    """
    with opened(migrate=False) as services:
        tool = _find(services.agents.tools, name)
        given = {**(arguments or {}), **{key: _value(tool.parameters, key, raw) for key, raw in pairs}}
        event = _call(services, tool, given)
    if as_json:
        print_json(event.data())
    elif event.result is not None:
        click.echo(printable(event.result))
    if event.error is not None:
        raise Failure(event.error)


def _call(services: Services, tool: Tool, arguments: Mapping[str, Any]) -> ToolCallEvent:
    wanted = ToolCall("call_1", tool.name, json.dumps(arguments))
    context = ToolContext(run_id=new_id(), agent_id="cli")
    *_, last = services.agents.executor.execute([wanted], {tool.name: tool}, context)
    return last


def _find(tools: AgentTools, name: str) -> Tool:
    tool = tools.find(name)
    if tool is None:
        installed = ", ".join(entry.name for entry in tools.installed())
        raise NotFound(f"there is no tool {name!r:.100}; installed are {installed or 'none'}")
    return tool


def _value(parameters: Mapping[str, Any], key: str, raw: str) -> Any:
    property_schema = parameters.get("properties", {}).get(key)
    wanted = property_schema.get("type") if isinstance(property_schema, dict) else None
    return raw if wanted == "string" else json_or_text(raw)
