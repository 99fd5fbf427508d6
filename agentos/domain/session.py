"""Conversations that last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from agentos.domain.principal import ANONYMOUS


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkedFrom:
    """The session that a fork began as a copy of, up to a run of it or to its end. It may be gone by now."""

    session_id: str
    before_run_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One conversation between a user and an agent; its messages and runs are kept beside it.

    ``version`` counts the changes to ``name``, ``metadata``, ``state`` and the references, and is the ``ETag``.
    ``run_count`` counts the runs that ended and stand in the history.
    """

    id: str
    agent_id: str
    owner: str = ANONYMOUS
    """Only this user or tenant sees it. ``user_id`` is a mark of the client's own."""
    user_id: str | None = None
    team_id: str | None = None
    workflow_id: str | None = None
    name: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)
    run_count: int = 0
    total_tokens: int = 0
    """What the runs that are counted have used."""
    version: int = 1
    created_at: datetime
    updated_at: datetime
    forked_from: ForkedFrom | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a session was about, in the words of its agent's model. The transcript is never touched.

    ``run_count`` and ``total_tokens`` are the session's when the summary was made.
    """

    content: str
    run_count: int
    total_tokens: int
    created_at: datetime
