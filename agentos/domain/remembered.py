"""Decisions about approvals that hold for later calls of a session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agentos.domain.pending import Approver, Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedScope:
    """What a remembered decision covers: one rule about one tool of one agent, in one session of one owner.

    ``tool`` is the tool's name as the model knows it, ``rule`` is :attr:`agentos.PendingAction.rule`.
    """

    owner: str
    session_id: str
    agent_id: str
    tool: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedDecision:
    """A decision that was remembered. ``answered_as`` says whether the run's owner made it, or another person."""

    id: str
    decision: Decision
    answered_as: Approver = "owner"
    answered_by: str | None = None
    message: str | None = None


FindRemembered = Callable[[RememberedScope], RememberedDecision | None]
"""What is asked before a call waits for an approval that may be remembered; it may ask a database."""


def remembers_nothing(_: RememberedScope) -> None:
    """Find no decision: for a server that keeps none."""
