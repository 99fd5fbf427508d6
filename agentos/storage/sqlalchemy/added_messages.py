"""Messages that are added to a session without a run, and removed from it one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Integer, bindparam, delete, func, insert, null, select, update

from agentos.domain.message import Message
from agentos.errors import SessionNotFound
from agentos.storage.attachments import Attachment, read_in_messages
from agentos.storage.history import StoredMessage, of_a_run, stored_messages, turns_of
from agentos.storage.sessions import SessionStore
from agentos.storage.sqlalchemy.admission import check_idle
from agentos.storage.sqlalchemy.attachments import keep_message_attachments
from agentos.storage.sqlalchemy.columns import microseconds
from agentos.storage.sqlalchemy.connection import Connection
from agentos.storage.sqlalchemy.database import SqlStore
from agentos.storage.sqlalchemy.deletion import LAST_TURN
from agentos.storage.sqlalchemy.message_rows import added_values
from agentos.storage.sqlalchemy.owner_scoped import OwnerScoped
from agentos.storage.sqlalchemy.session_rows import ACTIVE_AT
from agentos.storage.sqlalchemy.tables import messages, sessions

_GIVEN = sessions.c.id == bindparam("in_session")

# The session's row is locked from here to the commit. A run that is admitted meanwhile waits, and begins after them.
_TAKE_PLACES = OwnerScoped(
    update(sessions)
    .where(_GIVEN)
    .values(message_count=sessions.c.message_count + bindparam("new_messages", type_=Integer), updated_at=ACTIVE_AT)
    .returning(sessions.c.owner, sessions.c.message_count, sessions.c.turn_count, sessions.c.next_position),
    sessions.c.owner,
)
_IN_TURN = (
    select(func.count())
    .select_from(messages)
    .where(
        messages.c.session_id == bindparam("in_session"),
        messages.c.turn == bindparam("of_turn", type_=Integer),
        messages.c.position.is_not(None),
    )
)
_ADD = insert(messages)
_COUNT_TURNS = update(sessions).where(_GIVEN).values(turn_count=bindparam("turns", type_=Integer))

_LOCK = OwnerScoped(select(sessions.c.id).where(_GIVEN).with_for_update(), sessions.c.owner)
_at_sequence = (
    messages.c.session_id == bindparam("in_session"),
    messages.c.sequence == bindparam("at_sequence", type_=Integer),
)
_GET = select(messages.c.run_id, messages.c.position).where(*_at_sequence)
_REMOVE = delete(messages).where(*_at_sequence)
_TAKE_OUT = update(sessions).where(_GIVEN).values(turn_count=LAST_TURN, summary=null())

_LARGEST_SEQUENCE = 2**31 - 1


def add_messages(
    connection: Connection,
    session_id: str,
    messages: Sequence[Message],
    new: Mapping[str, Attachment],
    *,
    owner: str | None,
    now: datetime,
) -> Sequence[StoredMessage]:
    """Add messages, with the bytes that are new, to a session in the caller's transaction."""
    values = {"in_session": session_id, "new_messages": len(messages), "now": microseconds(now)}
    session = connection.execute(*_TAKE_PLACES.for_owner(owner, **values)).first()
    if session is None:
        raise SessionNotFound(session_id)
    check_idle(connection, session_id)
    added = stored_messages(messages, last=session.message_count, now=now)
    if not added:
        return added
    last = session.turn_count
    in_last: int = connection.execute(_IN_TURN, {"in_session": session_id, "of_turn": last}).scalar()
    turns = turns_of(messages, last=last, in_last=in_last)
    connection.execute(_COUNT_TURNS, {"in_session": session_id, "turns": turns[-1]})
    connection.execute(_ADD, added_values(session_id, added, turns, position=session.next_position - 1))
    keep_message_attachments(connection, session_id, added, new, owner=session.owner)
    return added


class SqlAddedMessages(SqlStore, SessionStore):
    """Adds messages and removes them."""

    def append(
        self, session_id: str, messages: Sequence[Message], *, owner: str | None, now: datetime
    ) -> Sequence[StoredMessage]:
        messages, new = read_in_messages(messages)

        def work(connection: Connection) -> Sequence[StoredMessage]:
            return add_messages(connection, session_id, messages, new, owner=owner, now=now)

        return self._database.write(work)

    def remove_message(self, session_id: str, sequence: int, *, owner: str | None) -> bool:
        if not 0 < sequence <= _LARGEST_SEQUENCE:
            return False
        which = {"in_session": session_id, "at_sequence": sequence}

        def work(connection: Connection) -> bool:
            if connection.execute(*_LOCK.for_owner(owner, in_session=session_id)).first() is None:
                return False
            found = connection.execute(_GET, which).first()
            if found is None:
                return False
            if found.position is None:
                raise of_a_run(session_id, sequence, found.run_id)
            connection.execute(_REMOVE, which)
            connection.execute(_TAKE_OUT, {"in_session": session_id})
            return True

        return self._database.write(work)
