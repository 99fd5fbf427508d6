"""What was said in a run up to the end of one of its parts, from what is kept without its log.

A completed run of a session has its messages there. Of any run, its record has the calls of the client's tools, with
their results, and the last text of the agent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import orjson

from agentos import Message, PendingAction, Run, ToolCall
from agentos.web import MOST_CALLS
from agentos_openai_api.ids import TOOL_CALLS
from agentos_openai_api.responses.parts import pauses_of
from agentos_openai_api.responses.said_in_log import Chain


def said_in_session(run_id: str, messages: Sequence[Message], actions: Sequence[PendingAction], part: int) -> Chain:
    """Return what was said to the end of a part, of a run's messages in its session without the user's own."""
    pauses = pauses_of(actions)
    if part >= len(pauses):
        return Chain(messages)
    pause = pauses[part]
    turn = next(iter(pause.values())).turn
    pending = {action.call.id for action in actions if action.turn == turn}
    return Chain(_until(messages, turn, pending), calls_of(run_id, pause))


def said_in_record(run: Run, actions: Sequence[PendingAction], part: int) -> Chain:
    """Return what a run's record alone has of what was said to the end of a part."""
    messages: list[Message] = []
    for number, pause in enumerate(pauses_of(actions)):
        calls = calls_of(run.id, pause)
        if number == part:
            return Chain(messages, calls)
        messages.append(Message("assistant", "", tool_calls=tuple(calls)))
        results = zip(calls, pause.values(), strict=False)
        messages += [Message("tool", _result(action), tool_call_id=call.id) for call, action in results]
    if run.content:
        messages.append(Message("assistant", run.content))
    return Chain(messages)


def calls_of(run_id: str, pause: Mapping[int, PendingAction]) -> Sequence[ToolCall]:
    """Return the calls of a pause under the ids that the client knows."""
    return [
        ToolCall(TOOL_CALLS.make(run_id, number), action.call.name, _compact(action.call.arguments))
        for number, action in pause.items()
        if number < MOST_CALLS
    ]


def _compact(arguments: str) -> str:
    """Return arguments as the log has them: without white space, or the model's text where that is no JSON."""
    try:
        return orjson.dumps(orjson.loads(arguments)).decode()
    except orjson.JSONDecodeError:
        return arguments


def _until(messages: Sequence[Message], turn: int, pending: set[str]) -> Sequence[Message]:
    """Return the messages of the turns up to ``turn``, of that one without the calls that were ``pending`` then."""
    kept: list[Message] = []
    turns = 0
    for message in messages:
        turns += message.role == "assistant"
        if turns > turn:
            break
        if turns == turn and message.role == "tool" and message.tool_call_id in pending:
            continue
        if turns == turn and message.tool_calls:
            message = replace(message, tool_calls=tuple(one for one in message.tool_calls if one.id not in pending))
            if not message.content and not message.tool_calls:
                continue
        kept.append(message)
    return kept


def _result(action: PendingAction) -> str:
    answer = action.answer
    if answer is None:
        return ""
    return answer.error if answer.error is not None else str(answer.output)
