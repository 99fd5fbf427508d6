"""What a paused run waits for, as clients see it; the same at every door."""

from __future__ import annotations

from typing import Any

from agentos.domain.pending import pending_json
from agentos.domain.run import Run


def pending_actions(run: Run) -> list[dict[str, Any]]:
    """Return what a paused run waits for, as `/run` and the event ``paused`` show it; empty for any other run."""
    return [pending_json(action) for action in run.pending]
