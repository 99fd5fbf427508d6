"""A session's transcript: its messages in their places, and the runs that they came from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from agentos.domain.message import Message
from agentos.domain.run import Run

R = TypeVar("R", bound=Run)

MAX_RUNS_WITHOUT_MESSAGES = 1000
"""Most runs without messages on one page of history, the latest: their number has no other bound."""

MAX_SIZE_WITHOUT_MESSAGES = 8 * 1024**2
"""Characters of such runs' texts at which the page has no more of them: each may bring megabytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """A message in its place in a session. ``sequence`` counts 1, 2, 3 …; a deleted run leaves a gap.

    ``created_at`` of a user's message is when its run was admitted, of the others when it ended.
    """

    sequence: int
    run_id: str
    created_at: datetime
    message: Message


@dataclass(frozen=True, slots=True)
class History:
    """A part of a session's transcript, and the runs in it (the failed and cancelled ones too), oldest first."""

    messages: Sequence[StoredMessage] = ()
    runs: Sequence[Run] = ()


def within_page(runs: Iterable[R]) -> list[R]:
    """Return as many runs without messages as one page has; they come latest first, and no more are read."""
    taken: list[R] = []
    size = 0
    for run in runs:
        taken.append(run)
        size += len(run.input) + len(run.content or "") + len(run.reasoning or "")
        if len(taken) == MAX_RUNS_WITHOUT_MESSAGES or size > MAX_SIZE_WITHOUT_MESSAGES:
            break
    return taken
