"""Tools as the JSON of answers; the schemas describe the same."""

from __future__ import annotations

from typing import Any

from agentos.registry import Entry
from agentos.tools.tool import Tool


def tool_json(tool: Tool) -> dict[str, Any]:
    """Return a tool as models get it."""
    return {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}


def installed_tool_json(entry: Entry[Tool]) -> dict[str, Any]:
    """Return a tool with the name that agents name it by, and the plugin that it came from."""
    tool, terms = entry.value, entry.value.needs_approval
    return {
        **tool_json(tool),
        "name": entry.name,
        "source": entry.source,
        "approval": "never" if terms is None else "always" if terms.when is True else "sometimes",
        "isolated": tool.isolated,
        "timeout": tool.timeout,
    }
