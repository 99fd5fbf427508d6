"""The part of a session's transcript that a model is given: its last whole turns, read by index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Integer, bindparam, select

from agentos.domain.message import Message
from agentos.storage.sqlalchemy.connection import Connection, Row
from agentos.storage.sqlalchemy.database import Database
from agentos.storage.sqlalchemy.inline_media import MESSAGE_PLACE, InlineMedia
from agentos.storage.sqlalchemy.message_rows import message_of
from agentos.storage.sqlalchemy.tables import messages, sessions

# One statement, so that the counter and the messages are of the same moment.
_TURN_COUNT = select(sessions.c.turn_count).where(sessions.c.id == bindparam("session_id")).scalar_subquery()

_WINDOW = (
    select(
        messages.c.role,
        messages.c.content,
        messages.c.tool_calls,
        messages.c.tool_call_id,
        messages.c.provider_details,
        messages.c.attachments,
        MESSAGE_PLACE,
    )
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


def window_of(rows: Sequence[Row], database: Database) -> tuple[Message, ...]:
    """Return the messages of the rows, oldest first. Outside of the transaction, as :func:`with_media`."""
    inline = InlineMedia(database)
    return tuple(with_media(row, inline) for row in rows)


def with_media(row: Row, inline: InlineMedia) -> Message:
    """Return the message of a row with its attachments; those of earlier versions are looked up, one by one."""
    message = message_of(row)
    return message if row.place is None else replace(message, media=inline.at(row.place))
