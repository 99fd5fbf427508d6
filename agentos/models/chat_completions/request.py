"""A model request as the JSON body of Chat Completions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from agentos.domain.tool_spec import ToolSpec
from agentos.models.chat_completions.messages import DEFAULT, encode_message
from agentos.models.request import ModelRequest
from agentos.models.servers.chat import Dialect
from agentos.models.wire.dialects import dialect_of_agent
from agentos.models.wire.options import NAMES, extra_body

TOOL_CHOICES = ("auto", "none", "required")
ONLY_WITH_TOOLS = ("tool_choice", "parallel_tool_calls")

STRICT_KEYWORDS = frozenset(
    {"type", "enum", "const", "anyOf", "$ref", "$defs", "definitions", "title", "description"}
    | {"properties", "required", "additionalProperties", "items", "minItems", "maxItems", "pattern", "format"}
    | {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
)
"""The part of JSON Schema that OpenAI's strict mode takes; a schema with anything else is sent without strictness."""


def request_body(request: ModelRequest, dialect: Dialect = DEFAULT) -> dict[str, Any]:
    """Return the body. The agent's own parameters win over ours, but for ``model``, ``messages`` and ``stream``.

    Raises :class:`~agentos.errors.ProviderError` for options that do not exist, and
    :class:`~agentos.errors.InvalidMedia` for an attachment that the format has no place for.
    """
    parameters = request.parameters
    dialect = dialect_of_agent(parameters, dialect)
    body: dict[str, Any] = {}
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    if request.output_schema is not None:
        body["response_format"] = _response_format(request.output_schema)
    body.update(parameters)
    for name in NAMES & body.keys():
        del body[name]
    if "max_output_tokens" in body:
        limit = body.pop("max_output_tokens")
        body.setdefault(dialect.output_limit, limit)
    if not body.get("tools"):
        for key in ONLY_WITH_TOOLS:
            body.pop(key, None)
    elif isinstance(choice := body.get("tool_choice"), str) and choice not in TOOL_CHOICES:
        body["tool_choice"] = {"type": "function", "function": {"name": choice}}
    body["model"] = request.model
    body["messages"] = [encode_message(message, dialect) for message in request.messages]
    body["stream"] = True
    options = body.pop("stream_options", {} if dialect.stream_options else None)
    if options is not None:
        body["stream_options"] = {**(options if isinstance(options, Mapping) else {}), "include_usage": True}
    body.update(extra_body(parameters))
    return body


def _tool(tool: ToolSpec) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}


def _response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    title = schema.get("title")
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", title)[:64] if isinstance(title, str) and title else "output"
    strict = schema.get("type") == "object" and _is_strict(schema)
    return {"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": strict}}


def _is_strict(schema: Any) -> bool:
    """Tell whether strict mode would take the schema: closed objects, all properties required, known keywords."""
    if not isinstance(schema, Mapping) or not schema.keys() <= STRICT_KEYWORDS:
        return False
    properties = schema.get("properties", {})
    if (schema.get("type") == "object" or properties) and (
        schema.get("additionalProperties") is not False or set(schema.get("required", ())) != set(properties)
    ):
        return False
    inner = [*properties.values(), *schema.get("$defs", {}).values(), *schema.get("definitions", {}).values()]
    inner += schema.get("anyOf", ())
    if "items" in schema:
        inner.append(schema["items"])
    return all(map(_is_strict, inner))
