"""What a client is shown of a run that waits for a person: a text, since the protocol has no other place for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentos import PendingAction, PendingKind, Run
from agentos.web import pending_actions
from agentos_openai_api.chat.forms import completion_json, message_json, usage_json


def waiting_text(run_id: str, pending: Sequence[Mapping[str, Any]]) -> str:
    """Return a text that says what a run waits for and where that is answered."""
    lines = [_line(action) for action in pending if action["kind"] != PendingKind.CLIENT_TOOL]
    answer = f"Answer it with `POST /api/v1/runs/{run_id}/resume`; the run then continues."
    return "\n".join(["This run waits for a person.", *lines, answer])


def waiting_completion(run: Run, waits_for: Sequence[PendingAction]) -> dict[str, Any]:
    """Return the answer to a client that has given its results, of a run that waits for a person besides."""
    ids = {action.id for action in waits_for}
    text = waiting_text(run.id, [action for action in pending_actions(run) if action["id"] in ids])
    return completion_json(run, message_json(text), "stop", usage_json({}))


def _line(action: Mapping[str, Any]) -> str:
    message = action.get("message")
    name = action.get("tool_name")
    if action["kind"] == PendingKind.APPROVAL:
        return f"- The tool `{name}` needs an approval" + (f": {message}" if message else ".")
    return f"- {'The agent' if name is None else f'The tool `{name}`'} asks: {message}"
