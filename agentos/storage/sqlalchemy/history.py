"""A session's transcript: page by page from its end, and the last whole turns, which a model is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sqlalchemy import BigInteger, Integer, and_, bindparam, func, not_, select

from agentos.domain.message import Message
from agentos.domain.run import Run
from agentos.errors import SessionNotFound
from agentos.storage.history import ADDED, History, within_page
from agentos.storage.sessions import SessionStore
from agentos.storage.sqlalchemy.connection import Connection, Row
from agentos.storage.sqlalchemy.database import Database, SqlStore
from agentos.storage.sqlalchemy.media_rows import MESSAGE_PLACE, InlineMedia
from agentos.storage.sqlalchemy.message_rows import message_of, stored_message_of
from agentos.storage.sqlalchemy.owner_scoped import OwnerScoped
from agentos.storage.sqlalchemy.run_rows import RUNS, runs_of
from agentos.storage.sqlalchemy.tables import messages, runs, sessions

_LAST = OwnerScoped(select(sessions.c.message_count).where(sessions.c.id == bindparam("session_id")), sessions.c.owner)

# Messages that were added have no run here. They say themselves after which one they are.
_run_here = and_(runs.c.id == messages.c.run_id, runs.c.session_id == messages.c.session_id)
_PAGE = (
    select(
        *(column for column in messages.c if column.name not in ("media", "position")),
        MESSAGE_PLACE,
        func.coalesce(messages.c.position, runs.c.position, 0).label("position"),
    )
    .select_from(messages.outerjoin(runs, _run_here))
    .where(
        messages.c.session_id == bindparam("session_id"), messages.c.sequence < bindparam("before", type_=BigInteger)
    )
    .order_by(messages.c.sequence.desc())
    .limit(bindparam("page_limit", type_=Integer))
)

_WITH_MESSAGES = RUNS.where(
    runs.c.id.in_(bindparam("run_ids", expanding=True)), runs.c.session_id == bindparam("session_id")
)

_WITHOUT_MESSAGES = (
    RUNS.where(
        runs.c.session_id == bindparam("session_id"),
        runs.c.position > bindparam("after_position", type_=BigInteger),
        runs.c.position < bindparam("before_position", type_=BigInteger),
        runs.c.ended_at.is_not(None),
        runs.c.turn.is_(None),
        not_(runs.c.forget_requested),
    )
    .order_by(runs.c.position.desc())
    .limit(bindparam("piece", type_=Integer))
)

PIECE = 16
"""Runs without messages that are read at once: no more than these are in memory beside those of the page."""

_END = 2**62
"""Greater than every sequence and position."""


# One statement, so that the counter and the messages are of the same moment.
_TURN_COUNT = select(sessions.c.turn_count).where(sessions.c.id == bindparam("session_id")).scalar_subquery()

_SHOWN = ("role", "content", "tool_calls", "tool_call_id", "provider_details", "attachments")
_WINDOW = (
    select(*(messages.c[name] for name in _SHOWN), MESSAGE_PLACE)
    .where(
        messages.c.session_id == bindparam("session_id"),
        messages.c.turn > _TURN_COUNT - bindparam("turns", type_=Integer),
    )
    .order_by(messages.c.turn, messages.c.sequence)
)


class SqlHistory(SqlStore, SessionStore):
    """Messages by sequence, and the runs that they came from."""

    def history(self, session_id: str, *, owner: str | None, limit: int, before: int | None = None) -> History:
        end = _END if before is None else min(before, _END)

        def work(connection: Connection) -> tuple[Sequence[Row], list[Row]]:
            last = connection.execute(*_LAST.for_owner(owner, session_id=session_id)).scalar()
            if last is None:
                raise SessionNotFound(session_id)
            # The message before the page tells where its runs without messages begin.
            values = {"session_id": session_id, "before": end, "page_limit": limit + 1}
            rows = connection.execute(_PAGE, values).all()
            page, older = rows[:limit], rows[limit:]
            after = older[0].position if older else 0
            # The run at the last position has the last message, or ended before that message was added.
            until = _END if end > last else page[0].position + 1 if page else 0
            run_ids = sorted({row.run_id for row in page if row.run_id != ADDED})
            found = connection.execute(_WITH_MESSAGES, {**values, "run_ids": run_ids}).all() if run_ids else []
            return page, [*found, *within_page(_without_messages(connection, session_id, after=after, until=until))]

        page, found = self._database.snapshot(work)
        inline = InlineMedia(self._database)
        return History(
            messages=[stored_message_of(row, _with_media(row, inline)) for row in reversed(page)],
            runs=sorted(runs_of(found, inline), key=_position),
        )


def _without_messages(connection: Connection, session_id: str, *, after: int, until: int) -> Iterator[Row]:
    """Yield the rows of the runs between two positions that ended without a message, the latest first."""
    values = {"session_id": session_id, "after_position": after, "before_position": until, "piece": PIECE}
    while found := connection.execute(_WITHOUT_MESSAGES, values).all():
        yield from found
        if len(found) < PIECE:
            break
        values["before_position"] = _position(found[-1])


def _position(run: Run | Row) -> int:
    return run.position or 0


def read_window(connection: Connection, session_id: str | None, turns: int) -> Sequence[Row]:
    """Return the rows of a session's last turns."""
    if session_id is None or turns <= 0:
        return ()
    return connection.execute(_WINDOW, {"session_id": session_id, "turns": turns}).all()


def window_of(rows: Sequence[Row], database: Database) -> tuple[Message, ...]:
    """Return the messages of the rows, oldest first. Outside of the transaction, as :func:`_with_media`."""
    inline = InlineMedia(database)
    return tuple(_with_media(row, inline) for row in rows)


def _with_media(row: Row, inline: InlineMedia) -> Message:
    """Return the message of a row with its attachments; those of earlier versions are looked up, one by one."""
    message = message_of(row)
    return message if row.place is None else replace(message, media=inline.at(row.place))
