"""A session's transcript: its messages in their places, and the runs that they came from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from agentos.domain.message import Message
from agentos.domain.run import Run
from agentos.errors import InvalidRequest

R = TypeVar("R", bound=Run)

MAX_RUNS_WITHOUT_MESSAGES = 1000
"""Most runs without messages on one page of history, the latest: their number has no other bound."""

MAX_SIZE_WITHOUT_MESSAGES = 8 * 1024**2
"""Characters of such runs' texts at which the page has no more of them: each may bring megabytes."""


ADDED = ""
"""The ``run_id`` of messages that were added without a run."""

MOST_CONTINUED = 256
"""Messages of a turn to which more are added: a model's window is counted in turns, so one must not grow forever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """A message in its place in a session. ``sequence`` counts 1, 2, 3 …; what is deleted leaves a gap.

    ``created_at`` of a user's message is when its run was admitted, of the others when it ended. A message that was
    added without a run has the time when that was, and an empty ``run_id``.
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


def stored_messages(messages: Sequence[Message], *, last: int, now: datetime) -> Sequence[StoredMessage]:
    """Return added messages in their places, without their bytes; the last one has the sequence ``last``."""
    return [
        StoredMessage(
            sequence=sequence,
            run_id=ADDED,
            created_at=now,
            message=replace(message, media=tuple(media.without_data() for media in message.media)),
        )
        for sequence, message in enumerate(messages, last - len(messages) + 1)
    ]


def turns_of(messages: Sequence[Message], *, last: int, in_last: int) -> Sequence[int]:
    """Return the turns of added messages. A message of a user begins one, so that a call stays with its result.

    ``last`` is the session's last turn, ``in_last`` how many added messages that turn has. What an assistant or a tool
    says first is of that turn: clients may add a call and its result one after the other.
    """
    turns: list[int] = []
    begun = 0 < in_last < MOST_CONTINUED
    for message in messages:
        if message.role == "user" or not begun:
            last, begun = last + 1, True
        turns.append(last)
    return turns


def of_a_run(session_id: str, sequence: int, run_id: str) -> InvalidRequest:
    """Return the error for a message that cannot be removed alone."""
    return InvalidRequest(
        f"message {sequence} of session {session_id!r} is of run {run_id!r}; messages are removed one by one only where"
        f" they were added without a run. DELETE /api/v1/runs/{run_id} removes the run with all its messages",
        details={"run_id": run_id},
    )


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
