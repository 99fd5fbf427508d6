"""A session's transcript, page by page from its end."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import BigInteger, Integer, bindparam, not_, select

from agentos.domain.run import Run
from agentos.errors import SessionNotFound
from agentos.storage.sqlalchemy.connection import Connection, Row
from agentos.storage.sqlalchemy.inline_media import MESSAGE_PLACE, InlineMedia
from agentos.storage.sqlalchemy.mapping import stored_message_of
from agentos.storage.sqlalchemy.owned import Owned
from agentos.storage.sqlalchemy.runs import RUNS, runs_of
from agentos.storage.sqlalchemy.store import Store
from agentos.storage.sqlalchemy.tables import messages, runs, sessions
from agentos.storage.sqlalchemy.window import with_media
from agentos.storage.turn import SILENT_RUNS, SILENT_SIZE, size_of
from agentos.storage.values import History

_LAST = Owned(select(sessions.c.message_count).where(sessions.c.id == bindparam("session_id")), sessions.c.owner)

_PAGE = (
    select(*(column for column in messages.c if column.name != "media"), MESSAGE_PLACE, runs.c.position)
    .select_from(messages.join(runs, runs.c.id == messages.c.run_id))
    .where(
        messages.c.session_id == bindparam("session_id"),
        messages.c.sequence < bindparam("before", type_=BigInteger),
    )
    .order_by(messages.c.sequence.desc())
    .limit(bindparam("page_limit", type_=Integer))
)

_SPOKEN = RUNS.where(runs.c.id.in_(bindparam("run_ids", expanding=True)))

_SILENT = (
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
"""Runs without messages that are read at once: no more than these are in memory beside what the page may have."""

_END = 2**62
"""Greater than every sequence and position."""


class HistoryStore(Store):
    """Messages by sequence, and the runs that they came from."""

    def history(self, session_id: str, *, owner: str | None, limit: int, before: int | None = None) -> History:
        end = _END if before is None else min(before, _END)

        def work(connection: Connection) -> tuple[Sequence[Row], list[Row]]:
            last = connection.execute(*_LAST.of(owner, session_id=session_id)).scalar()
            if last is None:
                raise SessionNotFound(session_id)
            # The message before the page tells from where on its silent runs are.
            values = {"session_id": session_id, "before": end, "page_limit": limit + 1}
            rows = connection.execute(_PAGE, values).all()
            page, older = rows[:limit], rows[limit:]
            after = older[0].position if older else 0
            until = _END if end > last else page[0].position if page else 0
            spoken = sorted({row.run_id for row in page})
            found = connection.execute(_SPOKEN, {"run_ids": spoken}).all() if spoken else []
            return page, [*found, *_latest_silent(connection, session_id, after=after, until=until)]

        page, found = self._database.snapshot(work)
        inline = InlineMedia(self._database)
        return History(
            messages=[stored_message_of(row, with_media(row, inline)) for row in reversed(page)],
            runs=sorted(runs_of(found, inline), key=_position),
        )


def _latest_silent(connection: Connection, session_id: str, *, after: int, until: int) -> list[Row]:
    """Return the latest runs' rows between two positions that ended without a message, as many as one page has."""
    silent: list[Row] = []
    size = 0
    while len(silent) < SILENT_RUNS and size <= SILENT_SIZE:
        piece = min(PIECE, SILENT_RUNS - len(silent))
        where = {"session_id": session_id, "after_position": after, "before_position": until, "piece": piece}
        found = connection.execute(_SILENT, where).all()
        silent += found
        size += sum(map(size_of, found))
        if len(found) < piece:
            break
        until = _position(found[-1])
    return silent


def _position(run: Run | Row) -> int:
    return run.position or 0
