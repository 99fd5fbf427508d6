"""Runs that do something differently from their agent, within what the agent allows."""

from __future__ import annotations

from dataclasses import replace

from agentos.domain.agent import StreamingAgent
from agentos.domain.overrides import check_overrides, overridden_parameters
from agentos.domain.stored_request import ModelOverrides
from agentos.errors import InvalidRequest
from agentos.execution.run_limits import agent_setting
from agentos.json_schema.check import SchemaRefused, check_schema
from agentos.runtime.loop import ModelAgent


def check_run_overrides(agent_id: str, agent: StreamingAgent, overrides: ModelOverrides) -> None:
    """Raise ``InvalidRequest`` for an override that the agent does not allow or that cannot be right.

    An agent that is not ours allows what its attribute ``allow_overrides`` names, else nothing.
    """
    if not overrides.names:
        return
    check_overrides(agent_id, agent_setting(agent, "allow_overrides", ()), overrides)
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
    return replace(agent, agent=changed)
