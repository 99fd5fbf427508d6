"""Tools of a request, and which of them the model has to call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentos import ToolSpec
from agentos.web import refuse, shown

CUSTOM = "custom"

NO_INPUT: Mapping[str, Any] = {"type": "object", "properties": {}}


@dataclass(frozen=True, slots=True)
class ToolWishes:
    """Tools that the client executes; what the model must do with them, and what it had better not."""

    tools: Sequence[ToolSpec] = ()
    forced: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)


def read_tools(body: Mapping[str, Any]) -> ToolWishes:
    """Return what a request says of its tools. Raises ``InvalidRequest`` naming the field that is wrong."""
    tools = [_read_tool(tool, f"tools[{number}]") for number, tool in enumerate(body.get("tools") or ())]
    choice = body.get("tool_choice")
    if choice is None:
        return ToolWishes(tools)
    type = choice.get("type")
    if type not in ("auto", "any", "tool", "none"):
        refuse("tool_choice.type", f"is {shown(type)}; accepted are 'auto', 'any', 'tool' and 'none'")
    single = choice.get("disable_parallel_tool_use")
    if single is not None and not isinstance(single, bool):
        refuse("tool_choice.disable_parallel_tool_use", f"is {shown(single)}; accepted is true or false")
    if type == "none":
        return ToolWishes()
    if type == "tool":
        _check_name(choice.get("name"), tools)
    elif type == "any" and not tools:
        refuse("tool_choice.type", "is 'any', but there are no 'tools' to choose from")
    return ToolWishes(tools, _forced(choice), {"parallel_tool_calls": False} if single and tools else {})


def _forced(choice: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what forces the choice, in the words that providers here know."""
    match choice["type"]:
        case "any":
            return {"tool_choice": "required"}
        case "tool":
            return {"tool_choice": {"type": "function", "function": {"name": choice["name"]}}}
        case _:
            return {}


def _check_name(name: Any, tools: Sequence[ToolSpec]) -> None:
    names = [tool.name for tool in tools]
    if name not in names:
        accepted = f"accepted is the name of one of 'tools': {', '.join(names):.200}"
        refuse("tool_choice.name", f"is {shown(name)}; {accepted}")


def _read_tool(tool: Mapping[str, Any], where: str) -> ToolSpec:
    type = tool.get("type")
    if type not in (None, CUSTOM):
        refuse(
            f"{where}.type",
            f"is {shown(type)}; accepted is 'custom', or none: an agent has tools of its own, and the client's are"
            " described by 'name', 'description' and 'input_schema'",
        )
    schema = tool.get("input_schema")
    return ToolSpec(tool["name"], tool.get("description") or "", schema or NO_INPUT)
