"""What is saved while a run waits for people, and how it continues."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from agentos_guest import Action, Answer, Failed, Pause, Run
from agents import RunState
from agents.version import __version__

from .values import arguments_of


def pause_of(result: Any, items: list[dict[str, Any]], open_calls: Mapping[str, Any]) -> Pause:
    """Return the pause for the calls that the SDK wants approved, also those of agents that are tools of others."""
    state = result.to_state().to_json(context_serializer=_nothing_of)
    _forget_contexts(state)
    if state["original_input"] == items:
        state["original_input"] = None  # The run has it, attachments included.
    actions = [
        Action(
            key=item.call_id,
            kind="approval",
            tool_call_id=item.call_id,
            tool_name=item.name or "tool",
            arguments=_object(item.arguments),
        )
        for item in result.interruptions
    ]
    return Pause(actions, {"version": __version__, "calls": dict(open_calls), "state": state})


async def restored(agent: Any, run: Run, items: list[dict[str, Any]], context: Any) -> Any:
    """Return the state that was saved, with the answers in it. Raises ``Failed`` if this SDK cannot load it."""
    saved = run.saved
    try:
        state = dict(saved["state"])
        answers = _edited(state, run.answers)
        if state["original_input"] is None:
            state["original_input"] = items
        loaded = await RunState.from_json(agent, state, context_override=context)
    except Failed:
        raise
    except Exception as error:  # the SDK raises many classes
        before = saved.get("version") if isinstance(saved, Mapping) else None
        raise Failed(
            f"the state that was saved by openai-agents {before or 'of an unknown version'} cannot be loaded by"
            f" {__version__} with the agent as it is now; start the run again"
        ) from error
    for item in loaded.get_interruptions():
        answer = answers.get(item.call_id)
        if answer is not None and answer.approved:
            loaded.approve(item)
        elif answer is not None:
            loaded.reject(item, rejection_message=answer.message or None)
    return loaded


def _edited(state: Mapping[str, Any], answers: Sequence[Answer]) -> dict[str, Answer]:
    """Return the answers to what the state waits for, by the ids of calls, after their arguments have been put in."""
    calls = [item["raw_item"] for item in state["current_step"]["data"]["interruptions"]]
    waiting = {call.get("call_id") or call.get("id"): call for call in calls}
    given = {answer.key: answer for answer in answers if answer.key in waiting}
    for call_id, answer in given.items():
        if answer.approved and answer.arguments is not None:
            kind = waiting[call_id].get("type")
            if kind != "function_call":
                raise Failed(f"the arguments of a {kind} cannot be changed: approve the call as it is, or reject it")
            _edit(state, call_id, json.dumps(dict(answer.arguments)))
    return given


def _edit(value: Any, call_id: str, arguments: str) -> None:
    """Give a call other arguments, wherever the state has it, as if the model had made it so.

    The SDK has no API for it. It notes a digest of each call and refuses one that changed, so the note has to go too.
    """
    if isinstance(value, list):
        for one in value:
            _edit(one, call_id, arguments)
    elif isinstance(value, dict):
        if value.get("type") == "function_call" and value.get("call_id") == call_id:
            value["arguments"] = arguments
        invocations = value.get("tool_invocations")
        if isinstance(invocations, dict):
            invocations.pop(call_id, None)
        for one in value.values():
            _edit(one, call_id, arguments)


def _nothing_of(context: Any) -> dict[str, Any]:  # noqa: ARG001 - as the SDK calls it
    return {}


def _forget_contexts(value: Any) -> None:
    """Leave out what tools were given, which is made anew when the run continues: it may hold a secret.

    The SDK asks no serializer about a context that is a mapping. Agents that are tools of others have states within.
    """
    if isinstance(value, list):
        for one in value:
            _forget_contexts(one)
    elif isinstance(value, dict):
        if "context_meta" in value:
            value["context"] = {}
        for one in value.values():
            _forget_contexts(one)


def _object(arguments: Any) -> dict[str, Any]:
    found = arguments_of(arguments)
    return found if isinstance(found, dict) else {"input": found}
