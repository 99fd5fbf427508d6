"""Checkpoints, the actions that runs wait for, and the answers to them, as JSON texts and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from agentos.domain.checkpoint import Checkpoint
from agentos.domain.pending import Answer, PendingAction, PendingKind
from agentos.domain.run_step import RunStep
from agentos.domain.usage import Usage
from agentos.storage.json_text import dumps, loads
from agentos.storage.message_documents import call_document, call_of, given, message_document, message_of

_EMPTY = Checkpoint(number=0)
_SAME = ("number", "reasoning", "tokens", "turns", "size", "written", "agent_state", "model", "finish_reason")
_STEP = tuple(name for name in RunStep.__slots__ if name not in ("started_at", "usage"))
_ACTION = ("id", "arguments_hash", "turn", "number", "message", "schema")
_APPROVAL = {
    one.name: one.default for one in fields(PendingAction) if one.name in ("approver", "on_expiry", "remember", "rule")
}
"""What earlier versions do not write, and what holds then: an approval of theirs fails its run when it expires."""
_ANSWER = (
    *("decision", "arguments", "arguments_hash", "message", "output", "error", "remember"),
    *("answered_by", "answered_as", "address"),
)


def checkpoint_text(checkpoint: Checkpoint) -> str:
    """Return a checkpoint as it is stored; what is as in an empty one is left out."""
    document = {name: value for name in _SAME if (value := getattr(checkpoint, name)) != getattr(_EMPTY, name)}
    lists = {
        "messages": [message_document(message) for message in checkpoint.messages],
        "steps": [_step_document(step) for step in checkpoint.steps],
        "patches": [[dict(operation) for operation in patch] for patch in checkpoint.patches],
    }
    document.update({name: value for name, value in lists.items() if value})
    if checkpoint.usage != _EMPTY.usage:
        document["usage"] = _usage_document(checkpoint.usage)
    return dumps(document)


def checkpoint_of(text: str) -> Checkpoint:
    """Return the checkpoint of a stored text; what a newer version has added to it is named in ``unknown``."""
    read: dict[str, Any] = {}
    unknown: list[str] = []
    for name, value in loads(text).items():
        try:
            read[name] = _READ[name](value)
        except (KeyError, TypeError, ValueError):
            unknown.append(name)
    return Checkpoint(**{"number": 0, **read}, unknown=tuple(unknown))


def action_text(action: PendingAction) -> str:
    """Return an action as it is stored, without its answer."""
    document: dict[str, Any] = {name: value for name in _ACTION if (value := getattr(action, name)) is not None}
    document.update((name, value) for name, usual in _APPROVAL.items() if (value := getattr(action, name)) != usual)
    document.update(kind=action.kind.value, call=call_document(action.call), created_at=action.created_at.isoformat())
    if action.expires_at is not None:
        document["expires_at"] = action.expires_at.isoformat()
    return dumps(document)


def action_of(text: str, answer: str | None = None) -> PendingAction:
    """Return the action of a stored text, with its answer; what a newer version has added to either is left out."""
    stored = loads(text)
    return PendingAction(
        **{name: stored[name] for name in (*_ACTION, *_APPROVAL) if name in stored},
        kind=PendingKind(stored["kind"]),
        call=call_of(stored["call"]),
        created_at=datetime.fromisoformat(stored["created_at"]),
        expires_at=_time_or_none(stored.get("expires_at")),
        answer=None if answer is None else answer_of(answer),
    )


def answer_text(answer: Answer) -> str:
    """Return an answer as it is stored."""
    document = {name: value for name in _ANSWER if (value := getattr(answer, name)) is not None}
    if answer.answered_at is not None:
        document["answered_at"] = answer.answered_at.isoformat()
    return dumps(document)


def answer_of(text: str) -> Answer:
    """Return the answer of a stored text."""
    stored = loads(text)
    answer = Answer(**{name: stored[name] for name in _ANSWER if name in stored})
    return replace(answer, answered_at=_time_or_none(stored.get("answered_at")))


def _step_document(step: RunStep) -> dict[str, Any]:
    document = given(step, _STEP)
    document["started_at"] = step.started_at.isoformat()
    if step.usage is not None:
        document["usage"] = _usage_document(step.usage)
    return document


def _usage_document(usage: Usage) -> dict[str, Any]:
    return {name: getattr(usage, name) for name in usage.__slots__}


def _time_or_none(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


_READ: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_SAME, lambda value: value),
    "messages": lambda messages: tuple(map(message_of, messages)),
    "steps": lambda steps: tuple(map(RunStep.from_dict, steps)),
    "patches": tuple,
    "usage": lambda usage: Usage(**usage),
}
