"""Sessions and their summaries to rows and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, bindparam, case

from agentos.domain.session import Session, Summary
from agentos.storage.json_text import dumps, loads
from agentos.storage.sqlalchemy.columns import Values, microseconds, object_of, time_of
from agentos.storage.sqlalchemy.connection import Row
from agentos.storage.sqlalchemy.tables import sessions

_SESSION_TEXTS = ("id", "owner", "agent_id", "user_id", "team_id", "workflow_id", "name")


def session_values(session: Session) -> Values:
    """Return the row of a new session."""
    return {
        **{name: getattr(session, name) for name in _SESSION_TEXTS},
        "metadata": dumps(session.metadata),
        "state": dumps(session.state),
        "summary": None,
        "run_count": session.run_count,
        "total_tokens": session.total_tokens,
        "version": session.version,
        "created_at": microseconds(session.created_at),
        "updated_at": microseconds(session.updated_at),
        "next_position": 1,
        "turn_count": 0,
        "message_count": 0,
    }


def change_values(changes: Mapping[str, Any]) -> Values:
    """Return the columns of what is to change in a session."""
    return {name: dumps(value) if name in ("metadata", "state") else value for name, value in changes.items()}


def session_of(row: Row) -> Session:
    """Return the session of a row."""
    return Session(
        id=row.id,
        agent_id=row.agent_id,
        owner=row.owner,
        user_id=row.user_id,
        team_id=row.team_id,
        workflow_id=row.workflow_id,
        name=row.name,
        metadata=object_of(row.metadata),
        state=object_of(row.state),
        run_count=row.run_count,
        total_tokens=row.total_tokens,
        version=row.version,
        created_at=time_of(row.created_at),
        updated_at=time_of(row.updated_at),
    )


def summary_text(summary: Summary) -> str:
    """Return a summary as the session's row holds it."""
    return dumps(
        {
            "content": summary.content,
            "run_count": summary.run_count,
            "total_tokens": summary.total_tokens,
            "created_at": microseconds(summary.created_at),
        }
    )


def summary_of(text: str) -> Summary:
    """Return the summary of :func:`summary_text`."""
    stored = loads(text)
    return Summary(**{**stored, "created_at": time_of(stored["created_at"])})


def active_at(time: str) -> ColumnElement[int]:
    """Return what ``updated_at`` becomes by an activity: it never goes back, though the workers' clocks differ."""
    now = bindparam(time, type_=BigInteger)
    return case((sessions.c.updated_at > now, sessions.c.updated_at), else_=now)
