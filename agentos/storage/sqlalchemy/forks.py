"""Forks of sessions: the rows of messages are copied within the database, the bytes of attachments are not copied."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Text,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    insert,
    literal,
    literal_column,
    select,
    union_all,
    update,
)

from agentos.domain.session import Session
from agentos.errors import RunNotFound, SessionNotFound
from agentos.storage.forks import MAX_MESSAGES, check_size, fork_of
from agentos.storage.idempotency import IdempotencyKey, Replay
from agentos.storage.sessions import SessionChanges, SessionStore
from agentos.storage.sqlalchemy.attachment_tables import message_attachments, run_attachments
from agentos.storage.sqlalchemy.connection import Connection
from agentos.storage.sqlalchemy.database import SqlStore
from agentos.storage.sqlalchemy.deletion import LAST_TURN
from agentos.storage.sqlalchemy.idempotency import keep_key
from agentos.storage.sqlalchemy.owner_scoped import OwnerScoped
from agentos.storage.sqlalchemy.session_rows import INSERT_SESSION, SESSION_COLUMNS, session_of, session_values
from agentos.storage.sqlalchemy.tables import messages, run_media, runs, sessions

_parent = sessions.c.id == bindparam("parent_id")
_in_parent = messages.c.session_id == bindparam("parent_id")
_copied = and_(_in_parent, messages.c.sequence < bindparam("end", type_=Integer))

_READ = OwnerScoped(select(*SESSION_COLUMNS, sessions.c.message_count).where(_parent), sessions.c.owner)
# So that neither the session nor a run of it is deleted until the copy is committed; runs of it begin and end.
_HOLD = OwnerScoped(
    select(sessions.c.message_count, sessions.c.summary).where(_parent).with_for_update(read=True, key_share=True),
    sessions.c.owner,
)

_RUN = select(runs.c.position, runs.c.turn).where(
    runs.c.id == bindparam("run_id"), runs.c.session_id == bindparam("parent_id")
)
_FIRST_OF_TURN = select(func.min(messages.c.sequence)).where(
    _in_parent, messages.c.turn == bindparam("turn", type_=Integer)
)
_FIRST_OF_RUN = select(func.min(messages.c.sequence)).where(_in_parent, messages.c.run_id == bindparam("run_id"))
# Of added messages, `position` is of the run before. Runs end in the order of their positions.
_FIRST_AFTER = (
    select(func.min(messages.c.sequence))
    .select_from(
        messages.outerjoin(runs, and_(runs.c.id == messages.c.run_id, runs.c.session_id == messages.c.session_id))
    )
    .where(_in_parent, func.coalesce(messages.c.position, runs.c.position) >= bindparam("position", type_=Integer))
)
_HAS_MORE = select(exists().where(_in_parent, messages.c.sequence >= bindparam("end", type_=Integer)))

_ONE_TOO_MANY = select(messages.c.sequence).where(_copied).order_by(messages.c.sequence).limit(1).offset(MAX_MESSAGES)

# Rows of earlier versions, which have the bytes of attachments within them, or share them with their run.
_of_its_run = select(run_media.c.media).where(run_media.c.run_id == messages.c.run_id).scalar_subquery()
_media = case((messages.c.shares_media, _of_its_run), else_=messages.c.media)

_TEXTS = ("content", "tool_calls", "provider_details", "attachments")
_size: ColumnElement[int] = func.coalesce(func.length(_media), 0)
for _name in _TEXTS:
    _size += func.coalesce(func.length(messages.c[_name]), 0)
_SIZE = select(func.coalesce(func.sum(_size), 0)).where(_copied)

_AS_THEY_ARE = ("sequence", "turn", "run_id", "role", "tool_call_id", *_TEXTS, "created_at")
_OTHERWISE: dict[str, ColumnElement[Any]] = {
    "session_id": bindparam("fork_id", type_=Text),
    "shares_media": false(),
    "media": _media,
    # They belong to no run of the fork, and are there before its first.
    "position": literal_column("0"),
}
_COPY = insert(messages).from_select(
    [*_AS_THEY_ARE, *_OTHERWISE],
    select(
        *(messages.c[name] for name in _AS_THEY_ARE), *(value.label(name) for name, value in _OTHERWISE.items())
    ).where(_copied),
    include_defaults=False,
)

# A run keeps the attachments of all its messages. Each message says itself which ones it has.
_named = messages.c.attachments.contains(literal('"sha256:').concat(run_attachments.c.digest).concat(literal('"')))
_uses = union_all(
    select(messages.c.sequence, run_attachments.c.digest, run_attachments.c.owner)
    .join_from(messages, run_attachments, run_attachments.c.run_id == messages.c.run_id)
    .where(_copied, messages.c.position.is_(None), messages.c.attachments.is_not(None), _named),
    select(message_attachments.c.sequence, message_attachments.c.digest, message_attachments.c.owner).where(
        message_attachments.c.session_id == bindparam("parent_id"),
        message_attachments.c.sequence < bindparam("end", type_=Integer),
    ),
).subquery()
_USE = insert(message_attachments).from_select(
    ["session_id", "sequence", "digest", "owner"],
    select(bindparam("fork_id", type_=Text), _uses.c.sequence, _uses.c.digest, _uses.c.owner),
    include_defaults=False,
)
_COUNT_TURNS = update(sessions).where(sessions.c.id == bindparam("fork_id")).values(turn_count=LAST_TURN)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is copied: the messages with a sequence less than ``end``, of the ``last`` that there were."""

    parent: Session
    end: int
    last: int
    whole: bool


class SqlForks(SqlStore, SessionStore):
    """Forks sessions."""

    def fork(
        self,
        session_id: str,
        fork_id: str,
        changes: SessionChanges,
        *,
        before_run_id: str | None = None,
        owner: str | None,
        now: datetime,
        idempotency: IdempotencyKey | None = None,
    ) -> Session | Replay:
        # Outside of the transaction that writes: reading takes as long as copying.
        plan = self._database.snapshot(lambda connection: _planned(connection, session_id, before_run_id, owner))
        fork = fork_of(plan.parent, fork_id, changes, before_run_id=before_run_id, whole=plan.whole, now=now)
        which = {"parent_id": session_id, "fork_id": fork_id, "end": plan.end}

        def work(connection: Connection) -> Replay | None:
            replay = keep_key(connection, idempotency, fork_id)
            if replay is not None:
                return replay
            held = connection.execute(*_HOLD.for_owner(owner, parent_id=session_id)).first()
            if held is None:
                raise SessionNotFound(session_id)
            summary = held.summary if plan.whole and held.message_count == plan.last else None
            connection.execute(
                INSERT_SESSION, {**session_values(fork), "summary": summary, "message_count": plan.end - 1}
            )
            if plan.end > 1:
                connection.execute(_COPY, which)
                connection.execute(_USE, which)
                connection.execute(_COUNT_TURNS, which)
            return None

        return self._database.write(work) or fork


def _planned(connection: Connection, session_id: str, before_run_id: str | None, owner: str | None) -> _Plan:
    """Return what a fork copies; raise what :meth:`~agentos.storage.sessions.SessionStore.fork` says."""
    row = connection.execute(*_READ.for_owner(owner, parent_id=session_id)).first()
    if row is None:
        raise SessionNotFound(session_id)
    which: dict[str, Any] = {"parent_id": session_id, "end": row.message_count + 1}
    if before_run_id is not None:
        first = _first_from(connection, session_id, before_run_id)
        which["end"] = first or which["end"]
    too_many = connection.execute(_ONE_TOO_MANY, which).first() is not None
    check_size(session_id, messages=MAX_MESSAGES + 1 if too_many else 0)
    check_size(session_id, characters=connection.execute(_SIZE, which).scalar())
    has_more = bool(connection.execute(_HAS_MORE, which).scalar())
    return _Plan(session_of(row), which["end"], row.message_count, not has_more)


def _first_from(connection: Connection, session_id: str, run_id: str) -> int | None:
    """Return the sequence of the first message of a run, or of what comes after it; ``None`` for the end."""
    which = {"parent_id": session_id, "run_id": run_id}
    run = connection.execute(_RUN, which).first()
    if run is None:
        first: int | None = connection.execute(_FIRST_OF_RUN, which).scalar()
        if first is None:
            raise RunNotFound(run_id)
        return first
    if run.turn is not None:
        first = connection.execute(_FIRST_OF_TURN, {**which, "turn": run.turn}).scalar()
    else:
        first = connection.execute(_FIRST_AFTER, {**which, "position": run.position}).scalar()
    return first
