"""The audit trail of a run: what was decided and answered, by whom, when, from where, and what was changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentos.domain.pending import Answer, PendingAction, PendingKind, pending_json
from agentos.domain.run import Run
from agentos.domain.run_step import RunStep
from agentos.domain.times import rfc3339

_OF_ACTION = ("id", "kind", "tool_name", "tool_call_id", "arguments")
_OF_ANSWER = ("decision", "message", "error", "remember", "answered_by", "answered_as", "address")


def decisions_json(run: Run, actions: Sequence[PendingAction]) -> list[dict[str, Any]]:
    """Return what was decided in a run, oldest first: by people, by expiry, and by remembered decisions."""
    answered = [_decision(action, action.answer) for action in actions if action.answer is not None]
    by_memory = [_remembered(step) for step in run.steps if step.remembered is not None]
    return answered + by_memory


def answer_json(kind: PendingKind, answer: Answer) -> dict[str, Any]:
    """Return an answer with who gave it; what it lacks is left out."""
    shown = {name: value for name in _OF_ANSWER if (value := getattr(answer, name)) is not None}
    if answer.arguments is not None:
        shown["edited_arguments"] = dict(answer.arguments)
    if kind is not PendingKind.APPROVAL and answer.error is None:
        shown["output"] = answer.output
    if answer.answered_at is not None:
        shown["answered_at"] = rfc3339(answer.answered_at)
    return shown


def _decision(action: PendingAction, answer: Answer) -> dict[str, Any]:
    shown = pending_json(action)
    return {name: shown[name] for name in _OF_ACTION if name in shown} | answer_json(action.kind, answer)


def _remembered(step: RunStep) -> dict[str, Any]:
    assert step.remembered is not None
    decision = dict(step.remembered)
    about = {"kind": PendingKind.APPROVAL.value, "tool_name": step.tool_name, "tool_call_id": step.tool_call_id}
    return {**decision, **about, "remembered": decision.get("id", "")}
