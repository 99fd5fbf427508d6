"""One execution of an agent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from agentos.domain.media import Media
from agentos.domain.pending import PendingAction
from agentos.domain.principal import ANONYMOUS
from agentos.domain.run_step import RunStep
from agentos.domain.stored_request import StoredRequest
from agentos.domain.trace_context import TraceContext
from agentos.domain.usage import Usage


class RunStatus(StrEnum):
    """Where a run stands. ``queued``, ``running`` and ``paused`` are unfinished; the others are its one visible end."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def finished(self) -> bool:
        """True for the three ends."""
        return self in (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED)

    @classmethod
    def _missing_(cls, value: object) -> RunStatus | None:
        """Take the status of a newer version as it is: a run that has it is shown, and not executed or finished."""
        if not isinstance(value, str) or not re.fullmatch("[a-z][a-z_]{0,31}", value):
            return None
        status = str.__new__(cls, value)
        status._name_, status._value_ = value.upper(), value
        return status


class BusyPolicy(StrEnum):
    """What happens to a new run when its session has unfinished ones.

    ``enqueue``: it waits its turn. ``reject``: it is refused. ``interrupt``: they are cancelled, what they wrote is
    kept in the history, then it runs. ``rollback``: they are cancelled and leave nothing in the history, then it runs.
    """

    ENQUEUE = "enqueue"
    REJECT = "reject"
    INTERRUPT = "interrupt"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunError:
    """Why a run did not complete, as the JSON error of the API would say it."""

    code: str
    error: str
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One execution of an agent, from its admission to its end.

    ``position`` orders the runs of a session and is given by the database. A writer must name the ``attempt`` that
    it was given.
    """

    id: str
    agent_id: str
    agent_version: int | None = None
    """The version of a stored agent with which it was accepted, and is executed at every worker; ``None`` for agents
    in code and runs of earlier versions of AgentOS."""
    owner: str = ANONYMOUS
    """The user or tenant that it belongs to; in a session, always the session's owner."""
    session_id: str | None = None
    user_id: str | None = None
    position: int | None = None
    attempt: int = 1
    """How often a worker has claimed it: the fencing token."""
    crashes: int = 0
    """How many workers were lost while they executed it."""
    status: RunStatus
    input: str = ""
    media: tuple[Media, ...] = ()
    content: str | None = None
    reasoning: str | None = None
    error: RunError | None = None
    model: str | None = None
    """``provider:name`` of the last model that answered; ``None`` before that, and for agents without one of ours."""
    finish_reason: str | None = None
    """Why that model stopped: ``stop``, ``length``, ``content_filter``, ``tool_calls`` or ``other``."""
    usage: Usage = field(default_factory=Usage)
    loops: int = 0
    steps: tuple[RunStep, ...] = ()
    """The calls to models and tools, once the run has ended or is paused. Lists and histories leave them out."""
    pending: tuple[PendingAction, ...] = ()
    """What it waits for while it is paused. Lists and histories leave them out."""
    answered: tuple[PendingAction, ...] = field(default=(), compare=False, repr=False)
    """What it has waited for, with the answers. Known where it executes after a pause; lists do not read it."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    """``run_context`` of the request: parent run, workflow, team; kept, never interpreted."""
    caller_id: str | None = None
    """The credential that asked for it (``key:4f…``); ``None`` for runs of earlier versions."""
    parent_run_id: str | None = None
    """The run of this server that made it; never what a client says in ``context``."""
    worker_id: str | None = field(default=None, compare=False)
    """The worker that has it, or waits with it for its turn; ``None`` while it is paused or no worker has claimed it.
    Known to who has just asked it to stop."""
    request: StoredRequest | None = field(default=None, compare=False, repr=False)
    """The rest of its request. Known where it executes and to the worker that takes it over or ends it; lists do not
    read it."""
    request_id: str | None = field(default=None, compare=False)
    """The HTTP request that began it, for its lines in the log. Known where it executes; never stored."""
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def trace(self) -> TraceContext | None:
        """The span of the run, where a plugin makes traces; as far as its request is known."""
        asked = None if self.request is None else self.request.trace
        return None if asked is None else asked.child("run", self.id)

    @property
    def duration(self) -> float | None:
        """Seconds from admission to end; ``None`` while it is under way."""
        return None if self.ended_at is None else (self.ended_at - self.created_at).total_seconds()
