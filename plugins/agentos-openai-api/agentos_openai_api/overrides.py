"""What a request asks of the model, within what the agent allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from agentos import ModelOverrides, ToolSpec
from agentos.web import Forbidden, InvalidRequest, RunOptions, caller, note_ignored, server, shown

CLIENT_TOOL_TIMEOUT = 3600.0
"""Seconds that a client has for the result of its tool."""

NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}}

_FORMS: Mapping[str, Mapping[str, Any] | None] = {"text": None, "json_object": {"type": "object"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedOverrides:
    """What a request asks to be done in another way than the agent does it.

    ``parameters`` that the agent does not allow are left out: the answer is still right. ``forced`` are those without
    which it would be wrong: if the agent does not allow them, the request is refused. ``instructions`` are texts of the
    client that follow the agent's own; ``instruction_fields`` are the fields that they come from. ``schema_field`` is
    the field that ``output_schema`` comes from, for errors.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    forced: Mapping[str, Any] = field(default_factory=dict)
    output_schema: Mapping[str, Any] | None = None
    schema_field: str = "response_format"
    client_tools: Sequence[ToolSpec] = ()
    instructions: Sequence[str] = ()
    instruction_fields: Sequence[str] = ()


def options_of(model: str) -> RunOptions:
    """Return what a run of an agent may override.

    Raises ``Forbidden`` for one that the caller may not run, whether it exists or not, and ``AgentNotFound``.
    """
    if not caller().may_run(model):
        raise Forbidden(f"the credential may not run model {model!r:.150}")
    return server().agents.run_options(model)


def allowed_overrides(model: str, requested: RequestedOverrides) -> ModelOverrides:
    """Return the overrides of a run. What is left out is named in the answer's header.

    Raises what :func:`options_of` raises, and ``InvalidRequest`` for what would change the answer's meaning.
    """
    options = options_of(model)
    allowed = options.allow_overrides
    kept = {name: value for name, value in requested.parameters.items() if name in allowed}
    note_ignored(*(name for name in requested.parameters if name not in kept))
    for name in requested.forced:
        if name not in allowed:
            _refuse(name, name, model, allowed)
    if requested.client_tools and "client_tools" not in allowed:
        _refuse("tools", "client_tools", model, allowed)
    if requested.output_schema is not None and "output_schema" not in allowed:
        _refuse(requested.schema_field, "output_schema", model, allowed)
    instructions: str | None = None
    if requested.instructions:
        if "instructions" in allowed:
            instructions = "\n\n".join(text for text in (options.instructions, *requested.instructions) if text)
        else:
            note_ignored(*requested.instruction_fields)
    return ModelOverrides(
        parameters={**kept, **requested.forced},
        output_schema=requested.output_schema,
        client_tools=tuple(requested.client_tools),
        client_tool_timeout=CLIENT_TOOL_TIMEOUT if requested.client_tools else None,
        instructions=instructions,
    )


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


def refuse(where: str, words: str) -> NoReturn:
    """Raise ``InvalidRequest`` naming a field."""
    raise InvalidRequest(f"field {where!r} {words}", details={"fields": {where: words}})


def _refuse(where: str, name: str, model: str, allowed: Sequence[str]) -> NoReturn:
    refuse(
        where,
        f"is not allowed by agent {model!r:.150}: its allow_overrides does not have {name!r}; it has"
        f" {', '.join(allowed) or 'none'}",
    )
