"""Branches of a conversation: what a fork of a session has of it, in every backend."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from agentos.domain.session import ForkedFrom, Session
from agentos.errors import InvalidRequest
from agentos.storage.sessions import SessionChanges

MAX_MESSAGES = 10_000
"""Most messages that a fork copies: one transaction writes them, and on SQLite no other writes meanwhile."""

MAX_CHARACTERS = 16 * 1024**2
"""Most characters of their texts and tool calls. The bytes of attachments do not count: they are not copied."""


def fork_of(
    parent: Session, fork_id: str, changes: SessionChanges, *, before_run_id: str | None, whole: bool, now: datetime
) -> Session:
    """Return the new session: as its parent, but for ``changes``.

    Its runs are its own, so it has none yet. ``whole`` says that it has all messages of its parent. Else the parent's
    state, which later runs may have changed, is not its state.
    """
    changed = {"state": parent.state if whole else {}, **changes.given()}
    return replace(
        parent,
        **changed,
        id=fork_id,
        run_count=0,
        total_tokens=0,
        version=1,
        created_at=now,
        updated_at=now,
        forked_from=ForkedFrom(session_id=parent.id, before_run_id=before_run_id),
    )


def check_size(session_id: str, *, messages: int = 0, characters: int = 0) -> None:
    """Raise ``InvalidRequest`` for more messages, or longer ones, than one fork copies."""
    if messages > MAX_MESSAGES:
        raise _too_large(session_id, f"more than {MAX_MESSAGES} messages")
    if characters > MAX_CHARACTERS:
        raise _too_large(session_id, f"{characters} characters in messages, where {MAX_CHARACTERS} are the most")


def _too_large(session_id: str, what: str) -> InvalidRequest:
    return InvalidRequest(
        f"the fork of session {session_id!r} would copy {what}; fork it before an earlier run (before_run_id), or begin"
        " a new session"
    )
