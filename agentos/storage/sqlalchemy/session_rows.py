"""Sessions and their summaries to rows and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, bindparam, case

from agentos.domain.session import Session, Summary
from agentos.storage.json_text import dumps, loads
from agentos.storage.sqlalchemy.columns import Values, fields_of, microseconds, object_of, time_of
from agentos.storage.sqlalchemy.connection import Row
from agentos.storage.sqlalchemy.tables import sessions

_SAME = (
    *("id", "owner", "agent_id", "user_id", "team_id", "workflow_id", "name"),
    *("run_count", "total_tokens", "version"),
)


def session_values(session: Session) -> Values:
    """Return the row of a new session."""
    return {
        **fields_of(session, _SAME),
        "metadata": dumps(session.metadata),
        "state": dumps(session.state),
        "summary": None,
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
        **fields_of(row, _SAME),
        metadata=object_of(row.metadata),
        state=object_of(row.state),
        created_at=time_of(row.created_at),
        updated_at=time_of(row.updated_at),
    )


def summary_text(summary: Summary) -> str:
    """Return a summary as the session's row holds it."""
    return dumps({**fields_of(summary, summary.__slots__), "created_at": microseconds(summary.created_at)})


def summary_of(text: str) -> Summary:
    """Return the summary of :func:`summary_text`."""
    stored = loads(text)
    return Summary(**{**stored, "created_at": time_of(stored["created_at"])})


def active_at(time: str) -> ColumnElement[int]:
    """Return what ``updated_at`` becomes by an activity: it never goes back, though the workers' clocks differ."""
    now = bindparam(time, type_=BigInteger)
    return case((sessions.c.updated_at > now, sessions.c.updated_at), else_=now)
