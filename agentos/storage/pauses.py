"""Runs that wait for a person or their client: what is asked of their store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agentos.domain.pending import Approver, PendingAction, PendingKind
from agentos.domain.run import Run
from agentos.errors import RateLimited

EXPIRY_COLLECTION = "pending-expiry"
"""The collection of records that end paused runs. One has its run's id and owner, and the first ``expires_at``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingFilter:
    """Exact matches, and-ed; ``None`` matches everything.

    ``tool`` is the name of the tool that was called. ``approver`` is who may decide; what is no approval has none.

    ``approver_of`` is the owner of a caller that may approve for every owner: what it may see are all actions of this
    owner, and the approvals of the others.
    """

    owner: str | None = None
    agent_id: str | None = None
    session_id: str | None = None
    run_id: str | None = None
    kind: PendingKind | None = None
    tool: str | None = None
    approver: Approver | None = None
    approver_of: str | None = None

    def given(self) -> dict[str, Any]:
        """Return the matches that are asked for, by field name."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingAction:
    """An action that waits, or was answered, with the run that waits for it."""

    run_id: str
    agent_id: str
    owner: str
    session_id: str | None
    user_id: str | None
    action: PendingAction


@dataclass(frozen=True, slots=True)
class Answered:
    """A run after an answer: still paused, or ``queued`` and ``resumed`` by this answer. ``run.pending`` is current.

    Of one that is resumed, ``run.request`` is known, perhaps without its messages: its mode says who executes it.
    """

    run: Run
    resumed: bool


def check_paused(paused: int, limit: int | None) -> None:
    """Raise :class:`~agentos.errors.RateLimited` unless an owner with so many paused runs may have one more."""
    if limit is not None and paused >= limit:
        raise RateLimited(
            f"as many runs of their owner are paused as may at once, {limit} (AGENTOS_MAX_PAUSED_RUNS_PER_OWNER);"
            " answer or cancel one of them",
            retry_after=5.0,
        )
