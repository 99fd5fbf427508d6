"""Which worker has a run: claims, leases by the database's clock, and runs that no living worker looks after."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace
from datetime import datetime
from typing import Any, NoReturn

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
    update,
)

from agentos.domain.run import RunStatus
from agentos.errors import RunNotFound, SessionBusy
from agentos.storage.admission import Admission, Lease, Unattended
from agentos.storage.run_requests import request_of
from agentos.storage.runs import RunStore
from agentos.storage.sqlalchemy.columns import duration, microseconds, without_index
from agentos.storage.sqlalchemy.connection import Connection, Row
from agentos.storage.sqlalchemy.database import SqlStore
from agentos.storage.sqlalchemy.dialects import database_now
from agentos.storage.sqlalchemy.events import last_frame
from agentos.storage.sqlalchemy.media_rows import RUN_PLACE, InlineMedia
from agentos.storage.sqlalchemy.pause_rows import (
    HAS_ACTIONS,
    HAS_CHECKPOINTS,
    action_rows,
    actions_of_last_pause,
    read_checkpoints,
    read_pending,
)
from agentos.storage.sqlalchemy.run_rows import RUN_COLUMNS, UNDER_WAY, locked_in_order, runs_of
from agentos.storage.sqlalchemy.tables import IS_UNCLAIMED, run_conversations, run_events, run_media, runs

_worker = bindparam("worker", type_=runs.c.lease_owner.type)
_prolonged = database_now() + bindparam("lease", type_=BigInteger)
_expired = runs.c.lease_until < database_now()
_QUEUED, _RUNNING, _PAUSED = RunStatus.QUEUED.value, RunStatus.RUNNING.value, RunStatus.PAUSED.value

_older = runs.alias("older")
_is_older = and_(
    _older.c.session_id == runs.c.session_id, _older.c.position < runs.c.position, _older.c.ended_at.is_(None)
)
_IS_FIRST = ~exists().where(_is_older)
# A paused run that was asked to stop is about to end. So nothing behind it is given up.
_paused_before = select(_older.c.id).where(_is_older, _older.c.status == _PAUSED, ~_older.c.cancel_requested).limit(1)
_waits_here = and_(runs.c.status == _QUEUED, func.coalesce(runs.c.lease_owner, "") == _worker)
_is_free = or_(
    and_(runs.c.status == _QUEUED, runs.c.lease_owner.is_(None)),
    _waits_here,
    and_(runs.c.lease_owner.is_not(None), _expired),
)
_must_not_begin = and_(runs.c.status == _QUEUED, runs.c.cancel_requested)

# Asked again and again while older runs are unfinished: a query that takes no lock. Only the claim takes one.
_LOOK = select(
    *(runs.c[name] for name in ("session_id", "status", "attempt")),
    _waits_here.label("waits_here"),
    _is_free.label("is_free"),
    _must_not_begin.label("must_not_begin"),
    _IS_FIRST.label("is_first"),
    _paused_before.scalar_subquery().label("paused_before"),
).where(runs.c.id == bindparam("run_id"), runs.c.ended_at.is_(None), runs.c.status.in_(UNDER_WAY))


def _beside(name: str, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a column of a table that may have a row beside the run's."""
    table = run_conversations if name == "messages" else run_media
    return select(column).where(table.c.run_id == bindparam("run_id")).scalar_subquery().label(name)


# That it is the first of its session stays true once it was: whether it is, the claim need not ask again.
_CLAIM = (
    update(runs)
    .where(
        runs.c.id == bindparam("run_id"),
        runs.c.attempt == bindparam("seen_attempt", type_=Integer),
        runs.c.status == bindparam("seen_status"),
        runs.c.ended_at.is_(None),
        _is_free,
        ~_must_not_begin,
    )
    .values(
        status=_RUNNING,
        attempt=case((_waits_here, runs.c.attempt), else_=runs.c.attempt + 1),
        crashes=case((runs.c.status == _RUNNING, runs.c.crashes + 1), else_=runs.c.crashes),
        started_at=func.coalesce(runs.c.started_at, bindparam("now", type_=BigInteger)),
        lease_owner=_worker,
        lease_until=_prolonged,
    )
    # All that a worker needs, in the same statement: of most runs there is nothing else to read.
    .returning(
        *RUN_COLUMNS,
        runs.c.request,
        runs.c.cancel_requested,
        select(run_media.c.attachments)
        .where(run_media.c.run_id == bindparam("run_id"))
        .scalar_subquery()
        .label("attachments"),
        select(RUN_PLACE).where(run_media.c.run_id == bindparam("run_id")).scalar_subquery().label("place"),
        select(run_conversations.c.messages)
        .where(run_conversations.c.run_id == bindparam("run_id"))
        .scalar_subquery()
        .label("messages"),
        exists().where(run_events.c.run_id == bindparam("run_id")).label("has_events"),
        HAS_CHECKPOINTS,
        HAS_ACTIONS,
    )
)

_own = locked_in_order(runs.c.lease_owner == bindparam("worker"))
_RENEW = update(runs).where(runs.c.id.in_(_own)).values(lease_until=_prolonged).returning(runs.c.id)
_LEASED = select(runs.c.id).where(runs.c.lease_owner == bindparam("worker"), runs.c.ended_at.is_(None))
_CANCEL_REQUESTS = _LEASED.where(runs.c.cancel_requested)

# Those behind another run of their session could not be claimed. Very many of these must not hide the others.
_unattended = select(runs.c.id, runs.c.created_at).limit(bindparam("take_limit", type_=Integer))
_UNCLAIMED = _unattended.where(IS_UNCLAIMED, _expired, _IS_FIRST, ~runs.c.cancel_requested).order_by(
    runs.c.created_at, runs.c.id
)
# What a status of a newer version means, only that version knows. Written so that no index by status answers it: those
# that workers have are few, and have an index of their own. No worker has the empty id, so that is a range of it.
_LOST = _unattended.where(
    runs.c.ended_at.is_(None),
    runs.c.lease_owner > "",
    _expired,
    without_index(or_(runs.c.status == _RUNNING, and_(runs.c.status == _QUEUED, ~runs.c.cancel_requested))),
    _IS_FIRST,
)
_STOPPED = _unattended.where(
    runs.c.ended_at.is_(None),
    runs.c.cancel_requested,
    without_index(runs.c.status.in_((_QUEUED, _PAUSED))),
    or_(runs.c.lease_owner.is_(None), _expired),
)


class SqlClaims(SqlStore, RunStore):
    """Gives runs to workers."""

    def claim(self, run_id: str, lease: Lease, *, now: datetime) -> Admission | None:
        values = {**_values(lease), "run_id": run_id, "now": microseconds(now)}
        # Each time that the claim fails, the run is not what it was, which the next look sees.
        while True:
            seen = self._database.query(_LOOK, values).first()
            if seen is None or not seen.is_free:
                raise RunNotFound(run_id)
            if seen.must_not_begin:
                return None
            if seen.waits_here and seen.paused_before is not None:
                self._raise_busy(seen)
            if not seen.is_first:
                return None
            claimed = self._claim({**values, "seen_attempt": seen.attempt, "seen_status": seen.status})
            if claimed is not None:
                return replace(claimed, crashed=seen.status == _RUNNING)

    def _claim(self, values: dict[str, Any]) -> Admission | None:
        run_id = values["run_id"]

        def work(connection: Connection) -> tuple[Row, dict[str, Any]] | None:
            row = connection.execute(_CLAIM, values).first()
            if row is None:
                return None
            more: dict[str, Any] = {}
            if row.has_events:
                more["logged"], more["last_event"] = last_frame(connection, run_id)
            if row.has_checkpoints:
                more["checkpoints"] = read_checkpoints(connection, run_id)
            if row.has_actions:
                more["actions"] = actions_of_last_pause(action_rows(connection, run_id))
            return row, more

        claimed = self._database.write(work)
        if claimed is None:
            return None
        row, more = claimed
        (run,) = runs_of([row], InlineMedia(self._database))
        run = replace(run, worker_id=values["worker"], request=request_of(row.request, row.messages))
        return Admission(run, history=None, cancel_requested=bool(row.cancel_requested), **more)

    def _raise_busy(self, seen: Row) -> NoReturn:
        paused = seen.paused_before
        pending = self._database.read(lambda connection: read_pending(connection, [paused])).get(paused, ())
        raise SessionBusy(seen.session_id, run_id=paused, pending=[action.id for action in pending])

    def cancel_requests(self, worker_id: str) -> Sequence[str]:
        return [row.id for row in self._database.query(_CANCEL_REQUESTS, {"worker": worker_id}).all()]

    def leased(self, worker_id: str) -> Set[str]:
        return {row.id for row in self._database.query(_LEASED, {"worker": worker_id}).all()}

    def renew_leases(self, lease: Lease) -> Sequence[str]:
        return [row.id for row in self._database.execute(_RENEW, _values(lease)).all()]

    def unattended(self, *, limit: int) -> Unattended:
        def oldest(query: Select[Any]) -> Sequence[str]:
            rows = self._database.query(query, {"take_limit": limit}).all()
            return tuple(row.id for row in sorted(rows, key=lambda row: (row.created_at, row.id)))

        return Unattended(unclaimed=oldest(_UNCLAIMED), lost=oldest(_LOST), stopped=oldest(_STOPPED))


def _values(lease: Lease) -> dict[str, Any]:
    return {"worker": lease.worker_id, "lease": duration(lease.seconds)}
