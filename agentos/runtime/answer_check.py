"""Whether an answer fits the action that a run waits for. Refuses what does not, before it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NoReturn, get_args

import orjson

from agentos.domain.agent import StreamingAgent
from agentos.domain.pending import LONGEST_MESSAGE, Answer, PendingAction, PendingKind, Remember
from agentos.domain.text import clean, cut
from agentos.errors import InvalidRequest
from agentos.json_schema.validator import Validator
from agentos.json_schema.work import TooMuchWork
from agentos.runtime.loop import ModelAgent
from agentos.tools.call_step import edited_hash, shown_arguments, unchecked_hash
from agentos.tools.executor import ToolExecutor
from agentos.tools.results import result_text
from agentos.tools.run_writer import json_copy
from agentos.tools.tool import Tool
from agentos.tools.wording import problem_at_pointer

_ACCEPTED = {
    PendingKind.APPROVAL: ("decision", "arguments", "message", "remember"),
    PendingKind.INPUT: ("output",),
    PendingKind.CLIENT_TOOL: ("output", "error"),
}


def check_answer(
    action: PendingAction, answer: Answer, agent: StreamingAgent, *, agent_id: str, most: int = 64 * 1024
) -> Answer:
    """Return an answer as it is kept; raise ``InvalidRequest`` naming the field that does not fit the action's kind.

    ``agent`` is the run's, with what the run overrides, and ``agent_id`` its id. Arguments that an approver changed are
    checked by its tool, and get their own hash; an agent that is not ours has to check them itself. ``most`` bounds the
    JSON of arguments and of an ``input``, in bytes.
    The result of a client tool is kept as the text that the model reads, cut as results of other tools are.
    """
    for name in ("decision", "arguments", "message", "remember", "output", "error"):
        if getattr(answer, name) is not None and name not in _ACCEPTED[action.kind]:
            accepted = ", ".join(_ACCEPTED[action.kind])
            _refuse(action, name, f"is not accepted for an action of kind {action.kind.value!r}; accepted: {accepted}")
    match action.kind:
        case PendingKind.APPROVAL:
            return _decision(action, answer, agent, agent_id, most)
        case PendingKind.INPUT:
            return replace(answer, output=_input(action, answer, most))
        case PendingKind.CLIENT_TOOL:
            return _of_client(action, answer, agent)


def tool_of(action: PendingAction, agent: StreamingAgent) -> Tool | None:
    """Return the tool that an action is about, as the agent has it now."""
    return agent.tools.get(action.call.name) if isinstance(agent, ModelAgent) else None


def _decision(action: PendingAction, answer: Answer, agent: StreamingAgent, agent_id: str, most: int) -> Answer:
    if answer.decision not in ("approve", "reject"):
        _refuse(action, "decision", f"is {answer.decision!r:.100}; accepted are 'approve' and 'reject'")
    message = answer.message
    if message is not None:
        if not isinstance(message, str) or len(message) > LONGEST_MESSAGE:
            _refuse(action, "message", f"is not accepted; accepted is a text of at most {LONGEST_MESSAGE} characters")
        message = clean(message)
    if answer.remember is not None:
        _check_remember(action, answer, tool_of(action, agent), agent_id)
    if answer.arguments is None:
        return replace(answer, message=message, arguments_hash=None)
    if answer.decision == "reject":
        _refuse(action, "arguments", "is not accepted with the decision 'reject'; a call that is rejected has none")
    if not isinstance(agent, ModelAgent):
        plain = _plain_arguments(action, answer.arguments, most)
        return replace(answer, message=message, arguments=plain, arguments_hash=unchecked_hash(action, plain))
    tool = tool_of(action, agent)
    if tool is None:
        _refuse(action, "arguments", f"cannot be checked: the agent has no tool {action.call.name!r} any more")
    arguments = _arguments(action, answer.arguments, tool, most)
    return replace(answer, message=message, arguments=arguments, arguments_hash=edited_hash(action, tool, arguments))


def _check_remember(action: PendingAction, answer: Answer, tool: Tool | None, agent_id: str) -> None:
    if answer.remember not in get_args(Remember):
        _refuse(action, "remember", f"is {answer.remember!r:.100}; accepted is 'session'")
    if not action.remember:
        why = "what asks for this approval does not have remember=True, or the run has no session"
        _refuse(action, "remember", f"is not accepted: {why}; decide without it")
    if answer.arguments is not None:
        _refuse(action, "remember", "is not accepted together with 'arguments'; they hold for this call alone")
    if tool is None or shown_arguments(action, tool, agent_id) is None:
        why = f"tool {action.call.name!r} is not the one any more that this approval is about"
        _refuse(action, "remember", f"is not accepted: {why}; decide without it")


def _plain_arguments(action: PendingAction, given: Mapping[str, Any], most: int) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        _refuse(action, "arguments", f"is {given!r:.100}; accepted is an object")
    try:
        plain: dict[str, Any] = json_copy("they", dict(given), most=most)
    except InvalidRequest as error:
        _refuse(action, "arguments", f"is not accepted: {error.message}")
    return plain


def _arguments(action: PendingAction, given: Mapping[str, Any], tool: Tool, most: int) -> dict[str, Any]:
    plain = _plain_arguments(action, given, most)
    try:
        # As for the model's own: parsed, held to the schema, and converted.
        arguments = tool.reader.parse(orjson.dumps(plain).decode())
        tool.reader.read(arguments)
    except InvalidRequest as error:
        _refuse(action, "arguments", f"is not accepted: {error.message}")
    except Exception as error:  # noqa: BLE001 - a converter is other people's code
        _refuse(action, "arguments", f"cannot be checked: tool {tool.name!r} raised {type(error).__name__}")
    return arguments


def _input(action: PendingAction, answer: Answer, most: int) -> Any:
    try:
        output = json_copy("it", answer.output, most=most)
    except InvalidRequest as error:
        _refuse(action, "output", f"is not accepted: {error.message}")
    if action.schema is None:
        return output
    try:
        violations = Validator(action.schema).violations(output)
    except (TooMuchWork, RecursionError):
        _refuse(action, "output", "takes too long to check, or is nested too deeply; give less")
    if violations:
        _refuse(action, "output", f"does not fit the question's schema: {clean(problem_at_pointer(violations[0]))}")
    return output


def _of_client(action: PendingAction, answer: Answer, agent: StreamingAgent) -> Answer:
    executor = agent.executor if isinstance(agent, ModelAgent) else ToolExecutor()
    if answer.error is None:
        try:
            return replace(answer, output=cut(result_text(answer.output), executor.max_result_size))
        except TypeError as error:
            _refuse(action, "output", f"is not accepted: {clean(str(error))}")
    if answer.output is not None:
        _refuse(action, "error", "is not accepted together with 'output'; give one of them")
    if not isinstance(answer.error, str) or not answer.error:
        _refuse(action, "error", f"is {answer.error!r:.100}; accepted is a text that is not empty")
    return replace(answer, error=cut(clean(answer.error), executor.max_result_size))


def _refuse(action: PendingAction, name: str, words: str) -> NoReturn:
    raise InvalidRequest(
        f"field {name!r} of the answer to action {action.id!r} {words}", details={"fields": {name: words}}
    )
