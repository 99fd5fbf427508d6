"""Rules about finished runs and their messages that all backends share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from agentos.domain.event import Frame
from agentos.domain.message import Message
from agentos.domain.run import Run

SILENT_RUNS = 1000
"""Most runs without messages on one page of history, the latest: their number has no other bound."""

SILENT_SIZE = 8 * 1024**2
"""Size (:func:`size_of`) of such runs at which the page has no more of them: each may bring megabytes."""


def ending(run: Run) -> datetime:
    """Return when a run ended; raise ``ValueError``, a caller's bug, for one that is not at an end."""
    if not run.status.finished or run.ended_at is None:
        raise ValueError(
            f"run {run.id!r} has status {run.status.value!r} and ended_at {run.ended_at!r}; finish_run takes"
            " 'completed', 'failed' or 'cancelled' and the time"
        )
    return run.ended_at


def size_of(run: Run) -> int:
    """Return about how many characters a run's texts have, which is what it takes in memory."""
    return len(run.input) + len(run.content or "") + len(run.reasoning or "")


def said_at(run: Run, message: Message) -> datetime:
    """Return the time that a message of a finished run bears: a user spoke at its admission, the others by its end."""
    return run.created_at if message.role == "user" else ending(run)


def check_consecutive(run_id: str, frames: Sequence[Frame]) -> None:
    """Raise ``ValueError``, a caller's bug, unless the frames' numbers follow each other."""
    for frame, number in zip(frames, range(frames[0].number, frames[0].number + len(frames)), strict=True):
        if frame.number != number:
            raise ValueError(f"frame {frame.number} of run {run_id!r} stands where {number} should")
        if b"\n" in frame.data:
            raise ValueError(f"frame {frame.number} of run {run_id!r} is more than one line")
