"""Tools and forms of answers, as both dialects have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentos import ToolSpec
from agentos.web import refuse, shown

NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}}

_FORMS: Mapping[str, Mapping[str, Any] | None] = {"text": None, "json_object": {"type": "object"}}


def read_tool(given: Mapping[str, Any] | None, where: str) -> ToolSpec:
    """Return a function that the client executes, from its object with ``name``, ``description``, ``parameters``."""
    if given is None:
        refuse(where, "is missing; needed is an object with 'name', 'description' and 'parameters'")
    name, description = given.get("name"), given.get("description")
    if not isinstance(name, str):
        refuse(f"{where}.name", f"is {shown(name)}; needed is a text")
    if description is not None and not isinstance(description, str):
        refuse(f"{where}.description", f"is {shown(description)}; accepted is a text")
    parameters = given.get("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        refuse(f"{where}.parameters", f"is {shown(parameters)}; accepted is a JSON schema, an object")
    return ToolSpec(name, description or "", parameters or NO_PARAMETERS)


def check_choice(choice: Any, name: object, tools: Sequence[ToolSpec]) -> None:
    """Refuse a ``tool_choice`` that names no tool of the request. ``name`` is the tool that it names."""
    names = [tool.name for tool in tools]
    if name not in names:
        refuse(
            "tool_choice",
            f"is {shown(choice if name is None else name)}; accepted are 'auto', 'none', 'required' and a function of"
            f" 'tools': {', '.join(names):.200}",
        )


def read_format(given: Any, where: str) -> Mapping[str, Any] | None:
    """Return the schema of an answer's form; ``None`` for text.

    ``given`` is the object that has ``type`` and, for `json_schema`, ``schema``.
    """
    if not isinstance(given, dict):
        refuse(where, f"is {shown(given)}; accepted is an object with 'type'")
    type = given.get("type")
    if isinstance(type, str) and type in _FORMS:
        return _FORMS[type]
    if type != "json_schema":
        refuse(f"{where}.type", f"is {shown(type)}; accepted are 'text', 'json_object' and 'json_schema'")
    schema = given.get("schema")
    if not isinstance(schema, dict):
        refuse(f"{where}.schema", f"is {shown(schema)}; needed is a JSON schema, an object")
    return schema
