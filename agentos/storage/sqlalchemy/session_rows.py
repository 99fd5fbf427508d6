"""Sessions to rows and back."""

from __future__ import annotations

from sqlalchemy import BigInteger, bindparam, case, insert

from agentos.domain.session import ForkedFrom, Session
from agentos.storage.json_text import dumps, loads
from agentos.storage.sqlalchemy.columns import Values, fields_of, microseconds, object_of, time_of
from agentos.storage.sqlalchemy.connection import Row
from agentos.storage.sqlalchemy.tables import sessions

_now = bindparam("now", type_=BigInteger)
ACTIVE_AT = case((sessions.c.updated_at > _now, sessions.c.updated_at), else_=_now)
"""What ``updated_at`` becomes by an activity: it never goes back, though the workers' clocks differ."""

_INNER = ("summary", "next_position", "turn_count", "message_count")
SESSION_COLUMNS = [column for column in sessions.c if column.name not in _INNER]
"""What :func:`session_of` reads."""

INSERT_SESSION = insert(sessions)
"""Adds the row that :func:`session_values` returns."""

_SAME = (
    *("id", "owner", "agent_id", "user_id", "team_id", "workflow_id", "name"),
    *("run_count", "total_tokens", "version"),
)
_FORK = ("session_id", "before_run_id")


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
        "forked_from": None if session.forked_from is None else dumps(fields_of(session.forked_from, _FORK)),
    }


def session_of(row: Row) -> Session:
    """Return the session of a row."""
    return Session(
        **fields_of(row, _SAME),
        metadata=object_of(row.metadata),
        state=object_of(row.state),
        created_at=time_of(row.created_at),
        updated_at=time_of(row.updated_at),
        forked_from=None if row.forked_from is None else ForkedFrom(**loads(row.forked_from)),
    )
