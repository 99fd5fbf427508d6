"""When a run ended, and when its messages were said: what all backends store."""

from __future__ import annotations

from datetime import datetime

from agentos.domain.message import Message
from agentos.domain.run import Run


def ended_at(run: Run) -> datetime:
    """Return when a run ended; raise ``ValueError``, a caller's bug, for one that is not at an end."""
    if not run.status.finished or run.ended_at is None:
        raise ValueError(
            f"run {run.id!r} has status {run.status.value!r} and ended_at {run.ended_at!r}; runs.finish takes"
            " 'completed', 'failed' or 'cancelled' and the time"
        )
    return run.ended_at


def said_at(run: Run, message: Message) -> datetime:
    """Return the time that a message of a finished run has: a user spoke at its admission, the others by its end."""
    return run.created_at if message.role == "user" else ended_at(run)
