"""All that an owner has: its runs are asked to stop, and deleted, page by page of its list."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, or_, select

from agentos.storage.paging import Cursor
from agentos.storage.runs import Deleted, RunStore
from agentos.storage.sqlalchemy.busy_policy import ASK_TO_STOP
from agentos.storage.sqlalchemy.connection import Connection
from agentos.storage.sqlalchemy.deletion import delete_runs
from agentos.storage.sqlalchemy.paging import oldest_runs, place_after, place_values
from agentos.storage.sqlalchemy.run_rows import UNFINISHED
from agentos.storage.sqlalchemy.store import SqlStore
from agentos.storage.sqlalchemy.tables import attachments, run_attachments, runs, sessions

_of_user: ColumnElement[bool] = or_(
    runs.c.user_id == bindparam("of_user"),
    select(sessions.c.user_id).where(sessions.c.id == runs.c.session_id).scalar_subquery() == bindparam("of_user"),
)


@cache
def _unfinished(*, of_user: bool) -> Select[str]:
    # By the statuses, which an index of the owner has; of many runs, few have one of them.
    found = select(runs.c.id).where(runs.c.owner == bindparam("of_owner"), runs.c.status.in_(UNFINISHED))
    return found.where(_of_user) if of_user else found


# Locked in the order of their ids, as heartbeats and the event log do.
_locked = (
    select(runs.c.id)
    .where(runs.c.id.in_(bindparam("run_ids", expanding=True)), runs.c.ended_at.is_(None))
    .order_by(runs.c.id)
    .with_for_update(key_share=True)
    .cte("locked")
)
_ASK = ASK_TO_STOP.where(runs.c.id.in_(select(_locked.c.id))).returning(runs.c.id)


@cache
def _page(*, of_user: bool, after: bool) -> Select[Any]:
    matches: Any = _of_user if of_user else runs.c.owner == bindparam("of_owner")
    page = select(runs.c.id, runs.c.created_at, matches.label("matches"))
    return oldest_runs(page.where(runs.c.owner == bindparam("of_owner")), after=after)


_DIGESTS = select(run_attachments.c.digest).where(run_attachments.c.run_id.in_(bindparam("run_ids", expanding=True)))
_LEFT = select(attachments.c.digest).where(
    attachments.c.owner == bindparam("of_owner"), attachments.c.digest.in_(bindparam("digests", expanding=True))
)


class SqlOwnerData(SqlStore, RunStore):
    """The runs of one owner."""

    def request_cancel_of_owner(self, data_owner: str, *, user_id: str | None = None) -> Sequence[str]:
        found = self._database.query(_unfinished(of_user=user_id is not None), _values(data_owner, user_id)).all()
        if not found:
            return []
        asked = {"run_ids": sorted(row.id for row in found), "forget": False}
        return [row.id for row in self._database.execute(_ASK, asked).all()]

    def delete_of_owner(
        self, data_owner: str, *, user_id: str | None = None, after: Cursor | None = None, limit: int
    ) -> tuple[Deleted, Cursor | None]:
        values = {**_values(data_owner, user_id), "page_limit": limit, **place_values(after)}
        page = _page(of_user=user_id is not None, after=after is not None)
        # Outside of the transaction: most runs of a page may be another user's.
        rows = self._database.query(page, values).all()
        run_ids = sorted(row.id for row in rows if row.matches)
        deleted = (
            self._database.write(lambda connection: _delete(connection, data_owner, run_ids)) if run_ids else Deleted()
        )
        return deleted, place_after(rows, limit)


def _values(owner: str, user_id: str | None) -> dict[str, Any]:
    return {"of_owner": owner, **({} if user_id is None else {"of_user": user_id})}


def _delete(connection: Connection, owner: str, run_ids: Sequence[str]) -> Deleted:
    digests = sorted({row.digest for row in connection.execute(_DIGESTS, {"run_ids": run_ids}).all()})
    count = delete_runs(connection, run_ids)
    # The database deletes those that no other run of the owner has.
    left = connection.execute(_LEFT, {"of_owner": owner, "digests": digests}).all() if digests else ()
    return Deleted(runs=count, attachments=len(digests) - len(left))
