"""What becomes of a session's unfinished runs when a new one comes. The session's row is locked meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Boolean, bindparam, exists, or_, select, true, update

from agentos.domain.run import BusyPolicy
from agentos.errors import SessionBusy
from agentos.storage.sqlalchemy.connection import Connection
from agentos.storage.sqlalchemy.run_rows import locked_in_order
from agentos.storage.sqlalchemy.tables import runs

_unfinished = runs.alias("unfinished")
BUSY = exists().where(_unfinished.c.session_id == bindparam("in_session"), _unfinished.c.ended_at.is_(None))
"""Whether a session has an unfinished run."""

_IS_BUSY = select(BUSY)

ASK_TO_STOP = (
    update(runs)
    .where(runs.c.ended_at.is_(None))
    .values(
        cancel_requested=true(),
        forget_requested=or_(runs.c.forget_requested, bindparam("forget", type_=Boolean)),  # never taken back
    )
)
"""Asks unfinished runs to stop; the caller says which."""

_to_stop = locked_in_order(runs.c.session_id == bindparam("in_session"), key_share=True)
_ASK_ALL_TO_STOP = ASK_TO_STOP.where(runs.c.id.in_(_to_stop)).returning(runs.c.id, runs.c.position)


def apply_busy_policy(connection: Connection, session_id: str | None, concurrency: BusyPolicy) -> Sequence[str]:
    """Do to a session's unfinished runs what the new one asks for; return those that are to stop, oldest first.

    Raises :class:`~agentos.errors.SessionBusy`.
    """
    if session_id is None or concurrency is BusyPolicy.ENQUEUE:
        return ()
    if concurrency is BusyPolicy.REJECT:
        if connection.execute(_IS_BUSY, {"in_session": session_id}).scalar():
            raise SessionBusy(session_id)
        return ()
    values = {"in_session": session_id, "forget": concurrency is BusyPolicy.ROLLBACK}
    stopped = connection.execute(_ASK_ALL_TO_STOP, values).all()
    return tuple(row.id for row in sorted(stopped, key=lambda row: row.position))
