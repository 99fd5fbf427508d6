"""Accepting runs: their place in their session, and whether there is room for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from zlib import crc32

from sqlalchemy import BigInteger, Boolean, bindparam, case, exists, func, insert, literal, null, select, update

from agentos.domain.run import BusyPolicy, Run, RunStatus
from agentos.errors import SessionBusy, SessionNotFound
from agentos.storage.admission import Admission, Lease, Quota
from agentos.storage.attachments import media_of, read_in_run
from agentos.storage.idempotency import IdempotencyKey, Replay
from agentos.storage.run_requests import messages_text
from agentos.storage.runs import CLAIM_WITHIN, RunStore
from agentos.storage.sqlalchemy.attachments import keep_attachments
from agentos.storage.sqlalchemy.columns import duration, microseconds
from agentos.storage.sqlalchemy.connection import Connection, Row
from agentos.storage.sqlalchemy.database import SqlStore
from agentos.storage.sqlalchemy.dialects import database_now, lock_until_commit
from agentos.storage.sqlalchemy.history import read_window, window_of
from agentos.storage.sqlalchemy.idempotency import keep_key
from agentos.storage.sqlalchemy.media_rows import media_values
from agentos.storage.sqlalchemy.owner_scoped import OwnerScoped
from agentos.storage.sqlalchemy.pause_rows import read_pending
from agentos.storage.sqlalchemy.run_rows import (
    ASK_TO_STOP,
    GET_RUNS,
    UNDER_WAY,
    locked_in_order,
    run_values,
    whole_runs,
)
from agentos.storage.sqlalchemy.session_rows import ACTIVE_AT
from agentos.storage.sqlalchemy.tables import IS_UNCLAIMED, run_conversations, run_media, runs, sessions

# The session's row is locked from here to the commit. A run that comes later gets a later place, and sees this run.
_TAKE_PLACE = OwnerScoped(
    update(sessions)
    .where(sessions.c.id == bindparam("in_session"))
    .values(next_position=sessions.c.next_position + 1, updated_at=ACTIVE_AT)
    .returning(sessions.c.next_position - 1, sessions.c.owner),
    sessions.c.owner,
)

_unfinished = runs.alias("unfinished")
_BUSY = exists().where(_unfinished.c.session_id == bindparam("in_session"), _unfinished.c.ended_at.is_(None))

_IS_BUSY = select(_BUSY)
_to_stop = locked_in_order(runs.c.session_id == bindparam("in_session"), key_share=True)
_ASK_ALL_TO_STOP = ASK_TO_STOP.where(runs.c.id.in_(_to_stop)).returning(runs.c.id)

_has_to_wait = bindparam("queued", type_=Boolean) | _BUSY
_BY_DATABASE: dict[str, Any] = {
    "status": case(
        (_has_to_wait, literal(RunStatus.QUEUED.value, runs.c.status.type)),
        else_=literal(RunStatus.RUNNING.value, runs.c.status.type),
    ),
    "started_at": case((_has_to_wait, null()), else_=bindparam("now", type_=BigInteger)),
    "lease_until": database_now() + bindparam("lease", type_=BigInteger),
}
_BY_US = [column for column in runs.c if column.name not in {*_BY_DATABASE, "turn", "ended_at", "steps", "crashes"}]
# A paused run that was asked to stop is about to end, so a new run may wait behind it.
_PAUSED_RUN = (
    select(_unfinished.c.id)
    .where(
        _unfinished.c.session_id == bindparam("in_session"),
        _unfinished.c.ended_at.is_(None),
        _unfinished.c.status == RunStatus.PAUSED.value,
        ~_unfinished.c.cancel_requested,
    )
    .limit(1)
)
_ADD_RUN = (
    insert(runs)
    .values({**{column.name: bindparam(column.name, type_=column.type) for column in _BY_US}, **_BY_DATABASE})
    # Only a run that has to wait may have a paused one before it.
    .returning(
        runs.c.status,
        case((runs.c.status == RunStatus.QUEUED.value, _PAUSED_RUN.scalar_subquery())).label("paused_before"),
    )
)
_ADD_MEDIA = insert(run_media)
_ADD_CONVERSATION = insert(run_conversations)

# By status rather than by `ended_at`, which say the same: the indexes that lists by status need answer it, so that no
# further one has to be written at the beginning and at the end of every run.
_RUNS_OF_ALL = select(func.count()).select_from(runs).where(runs.c.status.in_(UNDER_WAY))
_RUNS_OF_OWNER = _RUNS_OF_ALL.where(runs.c.owner == bindparam("of_owner"))
_UNCLAIMED = select(func.count()).select_from(runs).where(IS_UNCLAIMED)

_SPACE, _SPACE_OF_UNCLAIMED = 0x72756E73, 0x77616974
"""Our parts of the advisory locks that have two numbers: "runs" and "wait" in ASCII. The second one is taken first."""


class SqlAdmission(SqlStore, RunStore):
    """Gives runs their place, and lets them start in order."""

    def admit(
        self,
        run: Run,
        *,
        claim: Lease | None,
        owner: str | None,
        history_turns: int,
        concurrency: BusyPolicy = BusyPolicy.ENQUEUE,
        idempotency: IdempotencyKey | None = None,
        quota: Quota = Quota(),  # noqa: B008 - frozen
        claim_within: float = CLAIM_WITHIN,
    ) -> Admission | Replay:
        now = microseconds(run.created_at)
        run, new = read_in_run(run)
        attached = media_of(run)
        values = {
            **run_values(run),
            "in_session": run.session_id,
            "position": None,
            "cancel_requested": False,
            "forget_requested": False,
            "attempt": 0 if claim is None else 1,
            "lease_owner": None if claim is None else claim.worker_id,
            "lease": duration(claim_within if claim is None else claim.seconds),
            "queued": claim is None,
            "now": now,
        }
        media_row = media_values(run.id, run.media) if run.media else {}
        conversation = messages_text(run.request)

        def work(connection: Connection) -> tuple[Run, Sequence[Row], Sequence[Row] | None] | Replay:
            # The key before the session, always: of two requests with one key, the second waits here for the first.
            replay = keep_key(connection, idempotency, run.id)
            if replay is not None:
                return replay
            position, new_owner = None, run.owner
            if run.session_id is not None:
                place = connection.execute(*_TAKE_PLACE.for_owner(owner, in_session=run.session_id, now=now)).first()
                if place is None:
                    raise SessionNotFound(run.session_id)
                position, new_owner = place
            _check_quota(connection, quota, new_owner, claimed=claim is not None)
            interrupted = _apply_busy_policy(connection, run.session_id, concurrency)
            placed = {**values, "position": position, "owner": new_owner}
            added = connection.execute(_ADD_RUN, placed).first()
            assert added is not None
            if added.paused_before is not None and concurrency is BusyPolicy.ENQUEUE:
                raise _busy_with(connection, run.session_id, added.paused_before)
            status = RunStatus(added.status)
            if run.media:
                connection.execute(_ADD_MEDIA, media_row)
            if conversation is not None:
                connection.execute(_ADD_CONVERSATION, {"run_id": run.id, "messages": conversation})
            if attached:
                keep_attachments(connection, run, attached, new, owner=new_owner)
            running = status is RunStatus.RUNNING
            window = read_window(connection, run.session_id, history_turns) if running else None
            admitted = replace(
                run,
                position=position,
                owner=new_owner,
                status=status,
                attempt=placed["attempt"],
                crashes=0,
                pending=(),
                worker_id=placed["lease_owner"],
                started_at=run.created_at if running else None,
                ended_at=None,
            )
            return admitted, interrupted, window

        done = self._database.write(work)
        if isinstance(done, Replay):
            return done
        admitted, interrupted, window = done
        history = None if window is None else window_of(window, self._database)
        return Admission(admitted, history, whole_runs(interrupted, self._database) if interrupted else ())


def _check_quota(connection: Connection, quota: Quota, owner: str, *, claimed: bool) -> None:
    """Raise :class:`~agentos.errors.RateLimited` unless there is room for one more run of an owner."""
    of_owner = of_all = unclaimed = 0
    # Admissions that would count the same runs come one after the other. Taken after the lock of the session's row, and
    # nowhere else, so that no holder waits for such a row. Two owners that share a number wait for each other. Each
    # statement that counts comes after its lock: it sees what was committed before it began.
    if quota.unclaimed is not None and not claimed:
        lock_until_commit(connection, _SPACE_OF_UNCLAIMED, 0)
        unclaimed = connection.execute(_UNCLAIMED).scalar()
    else:
        quota = replace(quota, unclaimed=None)
    if quota.of_owner is not None or quota.of_all is not None:
        lock_until_commit(connection, _SPACE, 0 if quota.of_all is not None else crc32(owner.encode()) - 2**31)
    if quota.of_owner is not None:
        of_owner = connection.execute(_RUNS_OF_OWNER, {"of_owner": owner}).scalar()
    if quota.of_all is not None:
        of_all = connection.execute(_RUNS_OF_ALL).scalar()
    quota.check(of_owner=of_owner, of_all=of_all, unclaimed=unclaimed)


def _apply_busy_policy(connection: Connection, session_id: str | None, concurrency: BusyPolicy) -> Sequence[Row]:
    """Do to a session's unfinished runs what the new one asks for; return those that are to stop, oldest first.

    Called while the session's row is locked. Raises :class:`~agentos.errors.SessionBusy`.
    """
    if session_id is None or concurrency is BusyPolicy.ENQUEUE:
        return ()
    if concurrency is BusyPolicy.REJECT:
        check_idle(connection, session_id)
        return ()
    values = {"in_session": session_id, "forget": concurrency is BusyPolicy.ROLLBACK}
    asked = [row.id for row in connection.execute(_ASK_ALL_TO_STOP, values).all()]
    stopped = connection.execute(GET_RUNS, {"run_ids": asked}).all() if asked else ()
    return sorted(stopped, key=lambda row: row.position)


def check_idle(connection: Connection, session_id: str) -> None:
    """Raise :class:`~agentos.errors.SessionBusy` if a session, which is locked, has a run that has not ended."""
    if connection.execute(_IS_BUSY, {"in_session": session_id}).scalar():
        paused = connection.execute(_PAUSED_RUN, {"in_session": session_id}).scalar()
        raise SessionBusy(session_id) if paused is None else _busy_with(connection, session_id, paused)


def _busy_with(connection: Connection, session_id: str | None, paused: str) -> SessionBusy:
    """Return the error that names what a paused run of a session waits for."""
    pending = read_pending(connection, [paused]).get(paused, ())
    return SessionBusy(str(session_id), run_id=paused, pending=[action.id for action in pending])
