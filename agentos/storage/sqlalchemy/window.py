"""The part of a session's transcript that a model is given: its last whole turns, read by index."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Integer, and_, bindparam, select

from agentos.domain.message import Message
from agentos.storage.sqlalchemy.connection import Connection, Row
from agentos.storage.sqlalchemy.mapping import message_of
from agentos.storage.sqlalchemy.tables import messages, run_media, sessions

# One statement, so that the counter and the messages are of the same moment.
_TURN_COUNT = select(sessions.c.turn_count).where(sessions.c.id == bindparam("session_id")).scalar_subquery()

WITH_MEDIA = messages.outerjoin(run_media, and_(messages.c.shares_media, run_media.c.run_id == messages.c.run_id))
"""Messages beside the attachments of their run, where they share them."""

RUN_MEDIA = run_media.c.media.label("run_media")

_WINDOW = (
    select(
        messages.c.role,
        messages.c.content,
        messages.c.tool_calls,
        messages.c.tool_call_id,
        messages.c.provider_details,
        messages.c.shares_media,
        messages.c.media,
        RUN_MEDIA,
    )
    .select_from(WITH_MEDIA)
    .where(
        messages.c.session_id == bindparam("session_id"),
        messages.c.turn > _TURN_COUNT - bindparam("turns", type_=Integer),
    )
    .order_by(messages.c.turn, messages.c.sequence)
)


def read_window(connection: Connection, session_id: str | None, turns: int) -> Sequence[Row]:
    """Return the rows of a session's last turns."""
    if session_id is None or turns <= 0:
        return ()
    return connection.execute(_WINDOW, {"session_id": session_id, "turns": turns}).all()


def window_of(rows: Sequence[Row]) -> tuple[Message, ...]:
    """Return the messages of the rows, oldest first."""
    return tuple(message_of(row) for row in rows)
