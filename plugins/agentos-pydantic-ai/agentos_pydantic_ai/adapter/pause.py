"""Runs that wait for people: deferred tool calls of the framework, as actions; and their answers."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

import pydantic_core
from agentos_guest import Action, Answer, Pause, Run
from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter, ToolCallPart
from pydantic_ai.tools import DeferredToolResults, ToolApproved, ToolDenied

from .messages import Conversation, arguments_of


@dataclass(frozen=True)
class Saved:
    """What a pause keeps with the run: what the run added to its conversation, and which calls wait.

    The history and the attachments are the run's own: it has them again when it continues.
    """

    messages: list[ModelMessage]
    calls: Mapping[str, str]
    """The ids of the calls by the keys of their actions."""
    metadata: Mapping[str, dict[str, Any]]
    started: frozenset[str]
    """Ids of calls that were sent as started before the pause."""

    @classmethod
    def read(cls, state: Any) -> Saved:
        """Read it from JSON. Raises ``ValueError``, ``LookupError`` or ``TypeError`` for one of another version."""
        messages = ModelMessagesTypeAdapter.validate_python(state["messages"])
        return cls(messages, dict(state["calls"]), dict(state["metadata"]), frozenset(state["started"]))

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "messages": ModelMessagesTypeAdapter.dump_python(self.messages, mode="json"),
            "calls": dict(self.calls),
            "metadata": pydantic_core.to_jsonable_python(self.metadata),
            "started": sorted(self.started),
        }


class Resumed:
    """A run that continues: what it said before, and what people answered."""

    def __init__(self, saved: Saved, run: Run, conversation: Conversation) -> None:
        self.messages = conversation.with_attachments(saved.messages)
        self.started = saved.started
        # Answers to earlier pauses of the run come again; their calls are done.
        answers = {saved.calls[answer.key]: answer for answer in run.answers if answer.key in saved.calls}
        self.changed = {id_: one.arguments for id_, one in answers.items() if one.arguments is not None}
        self.results = DeferredToolResults(metadata=dict(saved.metadata))
        for id_, answer in answers.items():
            if answer.kind == "approval":
                self.results.approvals[id_] = _approval(answer)
            else:
                self.results.calls[id_] = answer.output


def _approval(answer: Answer) -> ToolApproved | ToolDenied:
    if answer.approved:
        return ToolApproved(override_args=None if answer.arguments is None else dict(answer.arguments))
    return ToolDenied(answer.message) if answer.message else ToolDenied()


def pause_of(result: Any, conversation: Conversation, started: Set[str], before: Resumed | None) -> Pause:
    """Return the pause of a run that ended with deferred calls. ``started`` are the calls that clients know."""
    requests = result.output
    messages = [*(before.messages if before else []), *result.new_messages()]
    # The same id may come again in a later pause of the run, and must not find an old answer.
    calls = {f"{len(messages)}:{call.tool_call_id}": call for call in (*requests.calls, *requests.approvals)}
    ids = {key: call.tool_call_id for key, call in calls.items()}
    saved = Saved(
        messages=conversation.without_attachments(messages),
        calls=ids,
        metadata=requests.metadata,
        started=frozenset(started & set(ids.values())),
    )
    return Pause([_action(key, call, requests) for key, call in calls.items()], saved.as_json())


def _action(key: str, call: ToolCallPart, requests: Any) -> Action:
    arguments = arguments_of(call)
    arguments = arguments if isinstance(arguments, dict) else {}
    approval = requests.kind(call.tool_call_id) == "approval"
    said = requests.metadata.get(call.tool_call_id, {}).get("message")
    # A question's text is an argument of its tool, where the metadata has none.
    if not said and not approval:
        said = arguments.get("question") or arguments.get("message")
    return Action(
        key=key,
        kind="approval" if approval else "input",
        tool_call_id=call.tool_call_id,
        tool_name=call.tool_name,
        arguments=arguments,
        message=said if isinstance(said, str) else "",
    )
