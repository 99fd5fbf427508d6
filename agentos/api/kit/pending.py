"""What a paused run waits for, as clients see it; the same at every door."""

from __future__ import annotations

from typing import Any

import orjson

from agentos.domain.pending import PendingAction, pending_json
from agentos.domain.run import Run


def pending_actions(run: Run) -> list[dict[str, Any]]:
    """Return what a paused run waits for, as `/run` and the event ``paused`` show it; empty for any other run."""
    return [action_json(action) for action in run.pending]


def action_json(action: PendingAction) -> dict[str, Any]:
    """Return one action. Its ``arguments`` are an object, or the model's text where that is no JSON."""
    text = action.call.arguments
    try:
        return pending_json(action, orjson.loads(text))
    except orjson.JSONDecodeError:
        return pending_json(action, text)
