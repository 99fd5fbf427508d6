"""Deleting runs, one by one or all of an owner. Events and attachments go with the row of their run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Integer, Select, bindparam, case, delete, func, null, or_, select, update

from agentos.domain.pending import PendingAction
from agentos.domain.run import Run, RunStatus
from agentos.storage.paging import Cursor
from agentos.storage.runs import Deleted, RunStore
from agentos.storage.sqlalchemy.attachment_tables import attachments, run_attachments
from agentos.storage.sqlalchemy.columns import microseconds
from agentos.storage.sqlalchemy.connection import Connection, Row
from agentos.storage.sqlalchemy.database import SqlStore
from agentos.storage.sqlalchemy.paging import oldest_runs, read_oldest
from agentos.storage.sqlalchemy.pause_rows import read_pending
from agentos.storage.sqlalchemy.run_rows import ASK_TO_STOP, GET_RUN, GET_RUNS, UNFINISHED, locked_in_order, whole_runs
from agentos.storage.sqlalchemy.tables import messages, runs, sessions

_GIVEN = runs.c.id.in_(bindparam("run_ids", expanding=True))
_SESSIONS_OF = select(runs.c.session_id).where(_GIVEN, runs.c.session_id.is_not(None))

# The sessions before their runs, each in the order of the ids, as everywhere: two transactions that lock in one order
# never block each other.
_LOCK_SESSIONS = (
    select(sessions.c.id)
    .where(sessions.c.id.in_(bindparam("session_ids", expanding=True)))
    .order_by(sessions.c.id)
    .with_for_update()
)
_LOCK = (
    select(
        runs.c.id,
        runs.c.session_id,
        runs.c.turn,
        runs.c.status,
        runs.c.ended_at,
        (runs.c.prompt_tokens + runs.c.completion_tokens).label("tokens"),
    )
    .where(_GIVEN)
    .order_by(runs.c.id)
    .with_for_update()
)
_DELETE = delete(runs).where(_GIVEN)
_DELETE_MESSAGES = delete(messages).where(
    messages.c.session_id == bindparam("in_session"), messages.c.turn == bindparam("of_turn", type_=Integer)
)
# The next run's window is counted back from the last turn that is left. Sequences of messages are never used again.
LAST_TURN = (
    select(func.coalesce(func.max(messages.c.turn), 0)).where(messages.c.session_id == sessions.c.id).scalar_subquery()
)
_COUNT = (
    update(sessions)
    .where(sessions.c.id == bindparam("in_session"))
    .values(
        run_count=sessions.c.run_count - bindparam("ended", type_=Integer),
        total_tokens=sessions.c.total_tokens - bindparam("tokens", type_=BigInteger),
        turn_count=case((bindparam("turns", type_=Integer) > 0, LAST_TURN), else_=sessions.c.turn_count),
        summary=case((bindparam("turns", type_=Integer) > 0, null()), else_=sessions.c.summary),
    )
)


@cache
def _made(*, after: bool) -> Select[Any]:
    page = select(runs.c.id, runs.c.session_id, runs.c.created_at, runs.c.ended_at)
    return oldest_runs(page.where(runs.c.created_at < bindparam("ended_before", type_=BigInteger)), after=after)


_of_user: Any = or_(
    runs.c.user_id == bindparam("of_user"),
    select(sessions.c.user_id).where(sessions.c.id == runs.c.session_id).scalar_subquery() == bindparam("of_user"),
)


@cache
def _unfinished_of_owner(*, of_user: bool) -> Select[str]:
    # By the statuses, which an index of the owner has; of many runs, few have one of them.
    found = select(runs.c.id).where(runs.c.owner == bindparam("of_owner"), runs.c.status.in_(UNFINISHED))
    return found.where(_of_user) if of_user else found


_ASK = ASK_TO_STOP.where(runs.c.id.in_(locked_in_order(_GIVEN, key_share=True))).returning(runs.c.id)


@cache
def _made_by_owner(*, of_user: bool, after: bool) -> Select[Any]:
    matches: Any = _of_user if of_user else runs.c.owner == bindparam("of_owner")
    page = select(runs.c.id, runs.c.created_at, matches.label("matches"))
    return oldest_runs(page.where(runs.c.owner == bindparam("of_owner")), after=after)


_DIGESTS = select(run_attachments.c.digest).where(run_attachments.c.run_id.in_(bindparam("run_ids", expanding=True)))
_LEFT = select(attachments.c.digest).where(
    attachments.c.owner == bindparam("of_owner"), attachments.c.digest.in_(bindparam("digests", expanding=True))
)


class SqlDeletion(SqlStore, RunStore):
    """Runs that are deleted alone, as they are old, or with all that their owner has."""

    def delete(self, run_id: str, *, owner: str | None) -> Run | None:
        found = GET_RUN.for_owner(owner, run_id=run_id)

        def work(connection: Connection) -> tuple[Row | None, Mapping[str, Sequence[PendingAction]]]:
            row = connection.execute(*found).first()
            if row is None or not (row.ended_at is not None or row.status == RunStatus.PAUSED):
                return row, {}
            pending = read_pending(connection, [run_id])
            if not _delete_runs(connection, [run_id], only_inactive=True):
                row = connection.execute(*found).first()  # it has been resumed, or deleted
            return row, pending

        row, pending = self._database.write(work)
        return None if row is None else whole_runs([row], self._database, pending)[0]

    def delete_old(
        self, *, ended_before: datetime, after: Cursor | None = None, limit: int
    ) -> tuple[int, Cursor | None]:
        before = microseconds(ended_before)
        page = _made(after=after is not None)
        # Outside of the transaction: most runs of a page may be in sessions. An end is never taken back.
        rows, following = read_oldest(self._database, page, {"ended_before": before}, after=after, limit=limit)
        old = sorted(row.id for row in rows if row.session_id is None and (row.ended_at or before) < before)
        count = self._database.write(lambda connection: _delete_runs(connection, old)) if old else 0
        return count, following

    def request_cancel_of_owner(self, data_owner: str, *, user_id: str | None = None) -> Sequence[Run]:
        find = _unfinished_of_owner(of_user=user_id is not None)
        found = self._database.query(find, {"of_owner": data_owner, "of_user": user_id}).all()
        if not found:
            return []
        values = {"run_ids": sorted(row.id for row in found), "forget": False}

        def work(connection: Connection) -> Sequence[Row]:
            asked = [row.id for row in connection.execute(_ASK, values).all()]
            return connection.execute(GET_RUNS, {"run_ids": asked}).all() if asked else ()

        return whole_runs(self._database.write(work), self._database)

    def delete_of_owner(
        self, data_owner: str, *, user_id: str | None = None, after: Cursor | None = None, limit: int
    ) -> tuple[Deleted, Cursor | None]:
        page = _made_by_owner(of_user=user_id is not None, after=after is not None)
        # Outside of the transaction: most runs of a page may be another user's.
        rows, following = read_oldest(
            self._database, page, {"of_owner": data_owner, "of_user": user_id}, after=after, limit=limit
        )
        run_ids = sorted(row.id for row in rows if row.matches)
        if not run_ids:
            return Deleted(), following

        def work(connection: Connection) -> Deleted:
            digests = sorted({row.digest for row in connection.execute(_DIGESTS, {"run_ids": run_ids}).all()})
            count = _delete_runs(connection, run_ids)
            # The database deletes those that no other run or message of the owner has.
            left = connection.execute(_LEFT, {"of_owner": data_owner, "digests": digests}).all() if digests else ()
            return Deleted(runs=count, attachments=len(digests) - len(left))

        return self._database.write(work), following


def _delete_runs(connection: Connection, run_ids: Sequence[str], *, only_inactive: bool = False) -> int:
    """Delete runs by their ids and count them out of their sessions, in the caller's transaction; return how many.

    With ``only_inactive``, those that have ended or are paused: an answer may have resumed one until it is locked.
    """
    given = {"run_ids": run_ids}
    session_ids = sorted({row.session_id for row in connection.execute(_SESSIONS_OF, given).all()})
    if session_ids:
        connection.execute(_LOCK_SESSIONS, {"session_ids": session_ids}).all()
    found = connection.execute(_LOCK, given).all()
    if only_inactive:
        found = [row for row in found if row.ended_at is not None or row.status == RunStatus.PAUSED]
    for session_id in session_ids:
        _take_out(connection, session_id, [row for row in found if row.session_id == session_id])
    if found:
        connection.execute(_DELETE, {"run_ids": [row.id for row in found]})
    return len(found)


def _take_out(connection: Connection, session_id: str, gone: Sequence[Row]) -> None:
    """Delete the messages of runs and count the runs out of their session, which is locked."""
    turns = [row.turn for row in gone if row.turn is not None]
    for turn in turns:
        connection.execute(_DELETE_MESSAGES, {"in_session": session_id, "of_turn": turn})
    ended = [row for row in gone if row.ended_at is not None]
    counts: dict[str, Any] = {
        "in_session": session_id,
        "ended": len(ended),
        "tokens": sum(row.tokens for row in ended),
        "turns": len(turns),
    }
    connection.execute(_COUNT, counts)
