"""Agno's pauses as ours: what a run waits for, what is kept of it, and how the answers go back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from agentos_guest import Action, Answer, Event, Failed, Pause, Run, ToolCall

from .attachments import set_formats, with_bytes, without_bytes
from .events import MEMBER, of_member
from .forms import fill, message, schema
from .state import as_json

_ASKING = ("get_user_input", "ask_user")
"""Agno's own tools that ask a person. They are never called: the answer is their result."""


@dataclass(frozen=True)
class Resumed:
    """A run that continues: Agno's object with the answers, and events that Agno does not send of them."""

    output: Any
    events: Sequence[Event]
    counted: tuple[int, int]
    has_text: bool


def pause(output: Any, translation: Any) -> Pause:
    """Return the pause for what a run of Agno waits for."""
    actions = [_action(requirement) for requirement in output.requirements or () if not requirement.is_resolved()]
    if not actions:
        # Agno pauses again without a question when the agent has no tools any more.
        raise Failed("the agent does not have the tool any more that the run waits for")
    state = {
        "version": version("agno"),
        "run": without_bytes(as_json(output.to_dict())),
        "counted": list(translation.counted),
        "has_text": translation.has_text,
    }
    return Pause(actions, state)


def resume(run: Run, kind: Any) -> Resumed:
    """Return Agno's run with the answers. ``kind`` is the class of its output.

    Raises ``Failed`` for a state that this version of Agno cannot read.
    """
    saved = run.saved
    try:
        output = kind.from_dict(with_bytes(saved["run"], run.media))
        for part in _runs(output):
            set_formats(part.messages or (), run.media)
        counted, has_text = (saved["counted"][0], saved["counted"][1]), bool(saved["has_text"])
        waiting = {requirement.id: requirement for requirement in output.requirements or ()}
        # The answers of earlier pauses come again; they are in the state already.
        answers = [
            (waiting[answer.key], answer)
            for answer in run.answers
            if answer.key in waiting and not waiting[answer.key].is_resolved()
        ]
    except Exception as error:  # the state is Agno's; what goes wrong in reading it is too
        was = saved.get("version", "of another version") if isinstance(saved, Mapping) else "of another version"
        raise Failed(f"the state that was saved by agno {was} cannot be loaded by agno {version('agno')}") from error
    events: list[Event] = []
    for requirement, answer in answers:
        said = _answer(requirement, answer)
        if requirement.member_agent_id is None:
            events.extend(said)
        else:
            for event in said:
                run.emit(MEMBER, of_member(requirement.member_agent_id, requirement.member_run_id, event))
    for part in _runs(output):
        _join(part, output, waiting.values())
    return Resumed(output, events, counted, has_text)


def _join(part: Any, output: Any, requirements: Iterable[Any]) -> None:
    """Make a run's call and the call of its requirement one object again. Agno has the answer from the former."""
    calls = {
        one.tool_execution.tool_call_id: one.tool_execution
        for one in requirements
        if (one.member_run_id or output.run_id) == part.run_id
    }
    part.tools = [calls.get(tool.tool_call_id, tool) for tool in part.tools or ()]


def _runs(output: Any) -> Iterator[Any]:
    yield output
    for member in getattr(output, "member_responses", None) or ():
        yield from _runs(member)


def _action(requirement: Any) -> Action:
    tool = requirement.tool_execution
    given = {
        "key": requirement.id,
        "tool_call_id": tool.tool_call_id or "",
        "tool_name": tool.tool_name or "",
        "arguments": as_json(tool.tool_args or {}),
    }
    if requirement.needs_confirmation:
        return Action(kind="approval", **given)
    if requirement.needs_external_execution:
        return Action(kind="input", message=f"The result of {tool.tool_name}", **given)
    return Action(kind="input", message=message(requirement), schema=schema(requirement), **given)


def _answer(requirement: Any, answer: Answer) -> Iterator[Event]:
    """Put an answer where Agno reads it. Yields the events of calls that Agno itself ends without one."""
    tool = requirement.tool_execution
    # An approval of Agno's own database is replaced by ours; without this Agno would wait for its own too.
    tool.approval_type = None
    result: str | None = None
    if requirement.needs_confirmation:
        if answer.approved:
            if answer.arguments is not None:
                tool.tool_args = dict(answer.arguments)
            requirement.confirm()
            return
        note = answer.message or "Tool call was rejected"
        requirement.reject(note)
        yield ToolCall(tool.tool_call_id or "", tool.tool_name or "", as_json(tool.tool_args or {}))
        yield ToolCall(
            tool.tool_call_id or "", tool.tool_name or "", as_json(tool.tool_args or {}), "failed", error=note
        )
        return
    output = answer.output
    if requirement.needs_external_execution:
        requirement.set_external_execution_result(output if isinstance(output, str) else json.dumps(output))
    else:
        fill(requirement, output)
    if tool.tool_name in _ASKING or tool.external_execution_required:
        result = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
        yield ToolCall(tool.tool_call_id or "", tool.tool_name or "", as_json(tool.tool_args or {}))
        yield ToolCall(
            tool.tool_call_id or "", tool.tool_name or "", as_json(tool.tool_args or {}), "completed", result=result
        )
