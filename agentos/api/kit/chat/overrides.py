"""What a request asks of the model, within what the agent allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from agentos.api.kit.callers import caller
from agentos.api.kit.ignored_fields import note_ignored
from agentos.api.kit.plugin_server import server
from agentos.domain.stored_request import ModelOverrides
from agentos.domain.tool_spec import ToolSpec
from agentos.errors import Forbidden, InvalidRequest
from agentos.services.agents import RunOptions

CLIENT_TOOL_TIMEOUT = 3600.0
"""Seconds that a client has for the result of its tool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedOverrides:
    """What a request asks to be done in another way than the agent does it.

    ``parameters`` that the agent does not allow are left out: the answer is still right. ``forced`` are those without
    which it would be wrong: if the agent does not allow them, the request is refused. ``instructions`` are texts of the
    client that follow the agent's own; ``instruction_fields`` are the fields that they come from. ``schema_field`` is
    the field that ``output_schema`` comes from, for errors. ``names`` has the protocol's names of ``parameters`` and
    ``forced``, where they are not ours.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    forced: Mapping[str, Any] = field(default_factory=dict)
    output_schema: Mapping[str, Any] | None = None
    schema_field: str = "response_format"
    client_tools: Sequence[ToolSpec] = ()
    instructions: Sequence[str] = ()
    instruction_fields: Sequence[str] = ()
    names: Mapping[str, str] = field(default_factory=dict)


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
    names = requested.names
    note_ignored(*(names.get(name, name) for name in requested.parameters if name not in kept))
    for name in requested.forced:
        if name not in allowed:
            _refuse(names.get(name, name), name, model, allowed)
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


def refuse(where: str, words: str) -> NoReturn:
    """Raise ``InvalidRequest`` naming a field."""
    raise InvalidRequest(f"field {where!r} {words}", details={"fields": {where: words}})


def _refuse(where: str, name: str, model: str, allowed: Sequence[str]) -> NoReturn:
    refuse(
        where,
        f"is not allowed by agent {model!r:.150}: its allow_overrides does not have {name!r}; it has"
        f" {', '.join(allowed) or 'none'}",
    )
