"""A model request as the JSON body of the Messages API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentos.domain.tool_spec import ToolSpec
from agentos.models.anthropic_messages.caching import mark
from agentos.models.anthropic_messages.details import THINKING
from agentos.models.anthropic_messages.history import encode_history
from agentos.models.anthropic_messages.limits import default_limit
from agentos.models.anthropic_messages.parameters import SAMPLING, fit_thinking, limit_of, named, whole_number
from agentos.models.anthropic_messages.schemas import answer_schema, in_words, tool_schema
from agentos.models.request import ModelRequest
from agentos.models.servers.messages import MessagesDialect
from agentos.models.wire.options import NAMES, extra_body

DEFAULT = MessagesDialect()


def request_body(request: ModelRequest, dialect: MessagesDialect = DEFAULT) -> dict[str, Any]:
    """Return the body. The agent's own parameters win over ours, but for ``model``, ``messages`` and ``stream``.

    Raises :class:`~agentos.errors.ProviderError` for options that do not exist, and
    :class:`~agentos.errors.InvalidMedia` for an attachment that the format has no place for.
    """
    parameters = request.parameters
    system, turns = encode_history(request.messages, unsigned=dialect.unsigned_thinking)
    tools = _tools(request.tools, parameters.get("tools"))
    body = named(parameters, tools=bool(tools))
    for name in NAMES & body.keys():
        del body[name]
    for name in SAMPLING if dialect.version != DEFAULT.version else ():
        body.pop(name, None)
    body.pop("tools", None)
    if tools:
        body["tools"] = tools
    if request.output_schema is not None:
        _ask_for_schema(body, system, request.output_schema, dialect)
    if system:
        body["system"] = system
    limit = limit_of(parameters)
    body |= {"model": request.model, "messages": turns, "stream": True}
    body["max_tokens"] = default_limit(request.model) if limit is None else limit
    fit_thinking(body, limited=limit is not None, begun=_has_thought(turns))
    mark(body, parameters.get("prompt_caching"))
    body.update(extra_body(parameters))
    body["max_tokens"] = whole_number("max_tokens", body["max_tokens"])
    return body


def _tools(specs: Sequence[ToolSpec], others: Any) -> list[dict[str, Any]]:
    """Return the agent's tools, and behind them those that the server itself runs: the agent's parameter ``tools``."""
    found = {
        spec.name: {
            "name": spec.name,
            **({"description": spec.description} if spec.description else {}),
            "input_schema": tool_schema(spec.parameters),
        }
        for spec in specs
    }
    server = [dict(tool) for tool in others if isinstance(tool, Mapping)] if isinstance(others, list | tuple) else []
    return [*found.values(), *(tool for tool in server if tool.get("name") not in found)]


def _ask_for_schema(
    body: dict[str, Any], system: list[dict[str, Any]], schema: Mapping[str, Any], dialect: MessagesDialect
) -> None:
    if dialect.output_schema == "instructions":
        system.append({"type": "text", "text": in_words(schema)})
        return
    form = {"type": "json_schema", "schema": answer_schema(schema)}
    body["output_config"] = {"format": form, **(body.get("output_config") or {})}


def _has_thought(turns: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether manual thinking can be on: in a turn of calls and results, it is on from the beginning or not."""
    for turn in reversed(turns):
        if turn["role"] == "assistant":
            return turn["content"][0]["type"] in THINKING
        if all(block["type"] != "tool_result" for block in turn["content"]):
            return True
    return True
