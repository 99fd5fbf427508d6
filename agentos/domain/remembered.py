"""Decisions about approvals that hold for later calls of a session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agentos.domain.pending import Approver, Decision
from agentos.domain.times import rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedScope:
    """What a remembered decision covers: one rule about one tool of one agent, in one session of one owner.

    ``tool`` is the tool's name as the model knows it, ``rule`` is :attr:`agentos.PendingAction.rule`. ``schema_hash``
    is that of the tool as it is now: a decision about a tool with other parameters does not count.
    """

    owner: str
    session_id: str
    agent_id: str
    tool: str
    rule: str
    schema_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedDecision:
    """A decision that was remembered. ``answered_as`` says whether the run's owner made it, or another person."""

    id: str
    decision: Decision
    answered_as: Approver = "owner"
    answered_by: str | None = None
    answered_at: datetime | None = None
    message: str | None = None

    def shown(self) -> dict[str, Any]:
        """Return its JSON form, for the event and the record of a call that it decided."""
        names = ("id", "decision", "message", "answered_by", "answered_as")
        made = {} if self.answered_at is None else {"answered_at": rfc3339(self.answered_at)}
        return {name: value for name in names if (value := getattr(self, name)) is not None} | made


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRule:
    """A remembered decision as it is kept: what it covers, who made it, when, from where, and about which action."""

    id: str
    scope: RememberedScope
    decision: Decision
    message: str | None = None
    answered_by: str | None = None
    answered_as: Approver = "owner"
    answered_at: datetime
    address: str | None = None
    run_id: str
    action_id: str

    @property
    def as_decision(self) -> RememberedDecision:
        """What decides about a call."""
        return RememberedDecision(
            id=self.id,
            decision=self.decision,
            answered_as=self.answered_as,
            answered_by=self.answered_by,
            answered_at=self.answered_at,
            message=self.message,
        )


FindRemembered = Callable[[RememberedScope], RememberedDecision | None]
"""What is asked before a call waits for an approval that may be remembered; it may ask a database."""


def remembers_nothing(_: RememberedScope) -> None:
    """Find no decision: for a server that keeps none."""
