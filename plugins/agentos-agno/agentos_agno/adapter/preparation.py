"""The agent as one run has it: with the session's history before its question, and with the run's overrides."""

from __future__ import annotations

import copy
from typing import Any

from agentos_guest import Failed, Message, Run
from agno.models.message import Message as AgnoMessage
from agno.team import Team

from .attachments import attachments

ANONYMOUS = "anonymous"
_LIMITS = ("max_output_tokens", "max_completion_tokens", "max_tokens")


def prepare(target: Any, run: Run) -> Any:
    """Return a shallow copy of an agent or team for this run.

    History goes where Agno has examples, before the question (``additional_input``). As messages of the input it would
    take the place of the question: Agno then adds no attachments, knowledge and dependencies to it.
    """
    # What Agno fills in at an agent's first run, its id above all, must be the same in every copy.
    if isinstance(target, Team):
        target.initialize_team()
    else:
        target.initialize_agent()
    agent = copy.copy(target)
    agent.additional_input = [*(target.additional_input or ()), *(_message(one) for one in run.history)]
    # The events are streamed. Kept with the run as well, they would only make what a pause saves larger.
    agent.store_events = False
    # Our session's state is the newer one. Agno's, from its database, counts only before ours has anything.
    agent.overwrite_db_session_state = bool(run.state)
    _override(agent, run)
    return agent


def user_of(run: Run) -> str | None:
    """Return the user for Agno's memories: without one, all callers would share the memories of Agno's ``default``."""
    return run.user_id or (None if run.owner == ANONYMOUS else run.owner)


def _message(message: Message) -> AgnoMessage:
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in message.tool_calls
    ]
    return AgnoMessage(
        role=message.role,
        content=message.content,
        tool_calls=calls or None,
        tool_call_id=message.tool_call_id,
        from_history=True,
        **attachments(message.media, own=False),
    )


def _override(agent: Any, run: Run) -> None:
    overrides = run.overrides
    if overrides.instructions is not None:
        agent.instructions = overrides.instructions
    if overrides.output_schema is not None:
        named = {"name": "output", "schema": dict(overrides.output_schema)}
        agent.output_schema = {"type": "json_schema", "json_schema": named}
    if overrides.parameters:
        agent.model = copy.copy(agent.model)
        for name, value in overrides.parameters.items():
            _set_parameter(agent.model, name, value)


def _set_parameter(model: Any, name: str, value: Any) -> None:
    """Set a field of the model. The most tokens have another name in each class; they only ever get fewer."""
    names = (name, *_LIMITS) if name in _LIMITS else (name,)
    field = next((one for one in names if hasattr(model, one)), None)
    if field is None:
        raise Failed(f"the override {name!r} is no setting of the agent's model, {type(model).__name__} of Agno")
    present = getattr(model, field)
    fewer = name in _LIMITS and isinstance(present, int) and present < value
    setattr(model, field, present if fewer else value)
