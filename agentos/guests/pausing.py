"""A framework's own interrupt as a pause of ours, and the answers on their way back to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from agentos.domain.ids import new_id
from agentos.domain.message import ToolCall
from agentos.domain.pending import LONGEST_MESSAGE, PauseRequested, PendingAction, PendingKind
from agentos.domain.text import clean, shorten
from agentos.domain.times import utc_now
from agentos.errors import InvalidRequest
from agentos.guests.wire import ProtocolError
from agentos.runtime.context import RunContext
from agentos.tools.action_hash import arguments_hash
from agentos.tools.questions import check_question, expiry

RULE = "agent"
"""Who asks for an approval: :attr:`agentos.domain.pending.PendingAction.rule`."""

MOST_ACTIONS = 100

_KEYS = "keys"
_STATE = ("adapter", "framework_version", "state")


def pause_of(frame: Mapping[str, Any], context: RunContext) -> PauseRequested:
    """Return the pause that a ``paused`` frame asks for.

    Raises :class:`~agentos.guests.wire.ProtocolError`, and :class:`~agentos.errors.InvalidRequest` for a question that
    cannot be asked, as ``context.ask`` does in a worker.
    """
    given = frame.get("actions")
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_ACTIONS:
        raise ProtocolError(f"a pause names no actions, or more than {MOST_ACTIONS}")
    keys = dict(_saved(context).get(_KEYS, {}))
    actions: list[PendingAction] = []
    for item in given:
        try:
            action, key = _action(item, context, len(actions))
        except InvalidRequest:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise ProtocolError(f"an action of a pause is not as it should be: {error!r:.200}") from None
        actions.append(action)
        keys[action.id] = key
    return PauseRequested(actions, {**{name: frame.get(name) for name in _STATE}, _KEYS: keys})


def saved_document(context: RunContext) -> Mapping[str, Any] | None:
    """Return what the adapter gave to keep with its last pause; ``None`` before the first."""
    saved = _saved(context)
    return {name: saved.get(name) for name in _STATE} if saved else None


def answers_document(context: RunContext) -> Sequence[Mapping[str, Any]]:
    """Return all answers to what the adapter asked in this run, in the order of the questions."""
    keys = _saved(context).get(_KEYS, {})
    return [_answer(action, keys[action.id]) for action in context.actions if action.answer and action.id in keys]


def _saved(context: RunContext) -> Mapping[str, Any]:
    return context.agent_state or {}


def _action(item: Mapping[str, Any], context: RunContext, number: int) -> tuple[PendingAction, str]:
    kind = PendingKind(item["kind"])
    if kind is PendingKind.CLIENT_TOOL:
        raise ValueError("the kind is 'client_tool'; accepted are 'approval' and 'input'")
    key, name, call_id = (str(item.get(field) or "") for field in ("key", "tool_name", "tool_call_id"))
    if not key or (kind is PendingKind.APPROVAL and not name):
        raise ValueError("there is no key, or an approval without a tool_name")
    arguments = item.get("arguments") or {}
    if not isinstance(arguments, dict):
        raise TypeError("the arguments are no object")
    message: str | None = shorten(clean(str(item.get("message") or "")), LONGEST_MESSAGE) or None
    schema = None
    if kind is PendingKind.INPUT:
        message, schema = check_question(message or name or "?", item.get("schema"))
    action = PendingAction(
        id=new_id(),
        kind=kind,
        call=ToolCall(call_id, name, orjson.dumps(arguments).decode() if name else "{}"),
        arguments_hash=arguments_hash(context.agent_id, None, arguments, kind.value, name, key, message, schema),
        turn=context.transcript.turns,
        number=number,
        message=message,
        schema=schema,
        created_at=utc_now(),
        expires_at=expiry(context.pause_timeout),
        rule=RULE if kind is PendingKind.APPROVAL else None,
    )
    return action, key


def _answer(action: PendingAction, key: str) -> Mapping[str, Any]:
    answer = action.answer
    assert answer is not None
    return {
        "key": key,
        "kind": action.kind.value,
        "approved": answer.decision == "approve",
        "arguments": answer.arguments,
        "message": answer.message or "",
        "output": answer.output,
    }
