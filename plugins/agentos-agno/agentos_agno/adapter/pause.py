"""Agno's pauses as ours: what a run waits for, what is kept of it, and how the answers go back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from agentos_guest import Action, Answer, Event, Failed, Pause, Run, ToolCall

from .attachments import restore, without_bytes
from .events import MEMBER, of_member
from .forms import fill, message, schema
from .state import as_json

_ASKING = ("get_user_input", "ask_user")
"""Agno's own tools that ask a person. They are never called: the answer is their result."""
_GONE = "the agent does not have the tool any more that the run waited for"


@dataclass(frozen=True)
class Saved:
    """What a pause kept: Agno's run, the tokens that were reported, and whether there was text."""

    output: Any
    counted: tuple[int, int]
    has_text: bool


def pause(output: Any, translation: Any) -> Pause:
    """Return the pause for what a run of Agno waits for."""
    actions = [_action(requirement) for requirement in output.requirements or () if not requirement.is_resolved()]
    if not actions:
        raise Failed(_GONE)  # Agno pauses again, without a question, when the agent has no tools any more
    state = {
        "run": without_bytes(as_json(output.to_dict())),
        "counted": list(translation.counted),
        "has_text": translation.has_text,
    }
    return Pause(actions, state)


def load(kind: Any, saved: Any) -> Saved:
    """Return what a pause kept. ``kind`` is the class of the run's output. Raises any error for another state."""
    counted = (int(saved["counted"][0]), int(saved["counted"][1]))
    return Saved(kind.from_dict(saved["run"]), counted, bool(saved["has_text"]))


def resume(run: Run, output: Any) -> Iterator[Event]:
    """Put the answers into Agno's run. Yields the events of calls that Agno ends without one."""
    for part in _runs(output):
        for owner in (*(part.messages or ()), part.input):
            restore(owner, run.media)
    waiting = {requirement.id: requirement for requirement in output.requirements or ()}
    for answer in run.answers:
        requirement = waiting.get(answer.key)
        # The answers of earlier pauses come again; they are in the state already.
        if requirement is None or requirement.is_resolved():
            continue
        for event in _answer(requirement, answer):
            if requirement.member_agent_id is None:
                yield event
            else:
                run.emit(MEMBER, of_member(requirement.member_agent_id, requirement.member_run_id, event))
    for part in _runs(output):
        _join(part, output, waiting.values())


async def named_tools(stream: Any) -> AsyncIterator[Any]:
    """Yield what a continued run yields. Raises ``Failed`` where a tool that was approved is not there any more."""
    try:
        async with aclosing(stream):
            async for event in stream:
                yield event
    except ValueError as error:
        if str(error) == "Function call not found":  # Agno's words
            raise Failed(_GONE) from error
        raise


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
    """Put an answer where Agno reads it. Yields the events of a call that Agno itself ends without one."""
    tool = requirement.tool_execution
    if tool.approval_type == "required":
        # Else an approval in Agno's own database would count in place of the answer.
        tool.approval_type = None
    if requirement.needs_confirmation:
        if answer.approved:
            if answer.arguments is not None:
                tool.tool_args = dict(answer.arguments)
            requirement.confirm()
            return
        requirement.reject(answer.message or "Tool call was rejected")
        yield from _ended(tool, error=tool.confirmation_note)
        return
    text = answer.output if isinstance(answer.output, str) else json.dumps(answer.output, ensure_ascii=False)
    if requirement.needs_external_execution:
        requirement.set_external_execution_result(text)
        yield from _ended(tool, result=text)
        return
    fill(requirement, answer.output)
    if tool.tool_name in _ASKING:
        yield from _ended(tool, result=text)


def _ended(tool: Any, *, result: str | None = None, error: str | None = None) -> Iterator[Event]:
    started = ToolCall(tool.tool_call_id or "", tool.tool_name or "", as_json(tool.tool_args or {}))
    yield started
    yield replace(started, status="failed" if error else "completed", result=result, error=error)
