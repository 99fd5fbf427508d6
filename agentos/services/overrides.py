"""Runs that do something differently from their agent, within what the agent allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

import orjson

from agentos.domain.agent import StreamingAgent
from agentos.domain.overrides import check_overrides, overridden_parameters
from agentos.domain.pending import LONGEST_WAIT
from agentos.domain.stored_request import ModelOverrides
from agentos.domain.tool_spec import ToolSpec
from agentos.errors import InvalidRequest, PluginError
from agentos.execution.run_limits import agent_setting
from agentos.json_schema.check import SchemaRefused, check_schema
from agentos.runtime.loop import ModelAgent
from agentos.tools.client_tool import ClientTool

MOST_CLIENT_TOOLS = 128
MOST_SIZE = 256 * 1024
"""Bytes of JSON that the client tools of one run may have together; they are part of each call to the model."""


def check_run_overrides(agent_id: str, agent: StreamingAgent, overrides: ModelOverrides) -> None:
    """Raise ``InvalidRequest`` for an override that the agent does not allow or that cannot be right.

    An agent that is not ours allows what its attribute ``allow_overrides`` names, else nothing.
    """
    if not overrides.names:
        return
    check_overrides(agent_id, agent_setting(agent, "allow_overrides", ()), overrides)
    if overrides.client_tools:
        _check_client_tools(agent, overrides.client_tools)
        timeout = overrides.client_tool_timeout
        if timeout is not None and not 0 < timeout <= LONGEST_WAIT:
            _refuse(f"have a timeout of {timeout!r:.60}; accepted are seconds, more than 0, at most {LONGEST_WAIT}")
    if overrides.output_schema is not None:
        try:
            check_schema(overrides.output_schema)
        except SchemaRefused as error:
            words = f"is no JSON schema that is accepted, {error}"
            fields = {"overrides.output_schema": words}
            raise InvalidRequest(f"override 'output_schema' {words}", details={"fields": fields}) from None


def overridden(agent: StreamingAgent, overrides: ModelOverrides) -> StreamingAgent:
    """Return the agent as one run has it. One that is not ours finds the overrides in its context."""
    if not overrides.names or not isinstance(agent, ModelAgent):
        return agent
    own = agent.agent
    changed = replace(
        own,
        parameters=overridden_parameters(own.parameters, overrides),
        output_schema=own.output_schema if overrides.output_schema is None else overrides.output_schema,
        instructions=own.instructions if overrides.instructions is None else overrides.instructions,
    )
    if not overrides.client_tools:
        return replace(agent, agent=changed)
    # A tool that has come to the server since the run was accepted keeps its name.
    own_tools = dict(agent.tools)
    of_client = {
        spec.name: ClientTool.of(spec, timeout=overrides.client_tool_timeout)
        for spec in overrides.client_tools
        if spec.name not in own_tools
    }
    return replace(agent, agent=changed, tools={**own_tools, **of_client})


def _check_client_tools(agent: StreamingAgent, tools: Sequence[ToolSpec]) -> None:
    if len(tools) > MOST_CLIENT_TOOLS:
        _refuse(f"are {len(tools)}; accepted are at most {MOST_CLIENT_TOOLS}")
    taken = agent.tools if isinstance(agent, ModelAgent) else {}
    names: set[str] = set()
    size = 0
    for number, spec in enumerate(tools):
        if spec.name in taken:
            _refuse(f"name {spec.name!r:.100}, which is a tool of the server; give it another name", number)
        if spec.name in names:
            _refuse(f"name {spec.name!r:.100} twice; accepted are names that differ", number)
        try:
            if not isinstance(spec.description, str):
                raise TypeError(f"the description of {spec.name!r:.100} is no text")
            tool = ClientTool.of(spec)
            size += len(orjson.dumps([tool.name, tool.description, tool.parameters]))
        except (PluginError, TypeError) as error:
            _refuse(f"are not accepted: {error}", number)
        names.add(tool.name)
    if size > MOST_SIZE:
        _refuse(f"have {size} bytes of JSON together; accepted are at most {MOST_SIZE}")


def _refuse(words: str, number: int | None = None) -> NoReturn:
    path = "overrides.client_tools" if number is None else f"overrides.client_tools[{number}]"
    raise InvalidRequest(f"override 'client_tools': {path} {words}", details={"fields": {path: words}})
