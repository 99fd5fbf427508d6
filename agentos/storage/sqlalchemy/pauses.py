"""Runs that wait for a person or their client, and the answers that they get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any
from zlib import crc32

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    null,
    or_,
    select,
    update,
)

from agentos.domain.checkpoint import Checkpoint
from agentos.domain.event import Frame
from agentos.domain.pending import Answer, PendingAction, PendingKind
from agentos.domain.run import Run, RunStatus
from agentos.errors import RunCancelled, RunNotFound
from agentos.storage.answers import new_answers
from agentos.storage.paging import Page, Paging, page_of
from agentos.storage.pause_documents import action_of, answer_text
from agentos.storage.pauses import Answered, PendingFilter, WaitingAction, check_paused
from agentos.storage.records import NO_RECORDS, Record, RecordKey
from agentos.storage.run_requests import PAUSED, request_of
from agentos.storage.runs import CLAIM_WITHIN, RunStore
from agentos.storage.sqlalchemy.columns import duration, fields_of, without_index
from agentos.storage.sqlalchemy.connection import Connection, Row
from agentos.storage.sqlalchemy.database import SqlStore
from agentos.storage.sqlalchemy.dialects import database_now, json_member, lock_until_commit
from agentos.storage.sqlalchemy.events import append, rows_of
from agentos.storage.sqlalchemy.owner_scoped import OwnerScoped
from agentos.storage.sqlalchemy.paging import page_values, paged, place_by
from agentos.storage.sqlalchemy.pause_rows import (
    action_rows,
    action_values,
    actions_of,
    add_actions,
    add_checkpoints,
    checkpoint_values,
    read_checkpoints,
)
from agentos.storage.sqlalchemy.pause_tables import pending_actions
from agentos.storage.sqlalchemy.record_rows import delete_records, put_records
from agentos.storage.sqlalchemy.run_rows import GET_RUN, SAID, outcome_values, whole_runs
from agentos.storage.sqlalchemy.tables import runs

# The stored request says that the run was paused, which earlier versions do not know: they end such a run instead of
# starting it over. What it says besides stays as it is, to the byte.
_mark = f'{{"{PAUSED}":true'
_MARKED = case(
    (runs.c.request.is_(None), _mark + "}"),
    (runs.c.request.startswith(_mark), runs.c.request),
    else_=literal_column(f"'{_mark},'").concat(func.substr(runs.c.request, 2)),
)
_PAUSE = (
    update(runs)
    .where(
        runs.c.id == bindparam("run_id"),
        runs.c.attempt == bindparam("my_attempt"),
        runs.c.status == RunStatus.RUNNING.value,
        runs.c.ended_at.is_(None),
    )
    .values(
        {
            **{name: bindparam(f"new_{name}", type_=runs.c[name].type) for name in SAID},
            "status": RunStatus.PAUSED.value,
            "lease_owner": null(),
            "lease_until": null(),
            "request": _MARKED,
        }
    )
    .returning(
        *(runs.c[name] for name in ("id", "attempt", "agent_id", "owner", "session_id", "user_id", "cancel_requested"))
    )
)
_PAUSED_OF_OWNER = (
    select(func.count())
    .select_from(runs)
    .where(runs.c.owner == bindparam("of_owner"), runs.c.status == RunStatus.PAUSED.value)
)
_SPACE = 0x70617573
"""Our part of the advisory locks that have two numbers: "paus" in ASCII."""

# Answers that come at once are taken one after the other: each waits here for the one before it.
_LOCK = OwnerScoped(
    select(runs.c.status, runs.c.cancel_requested).where(runs.c.id == bindparam("run_id")).with_for_update(),
    runs.c.owner,
)
_ANSWER = (
    update(pending_actions)
    .where(pending_actions.c.id == bindparam("action_id"))
    .values(answer=bindparam("given_answer", type_=pending_actions.c.answer.type))
)
_RESUME = (
    update(runs)
    .where(runs.c.id == bindparam("run_id"))
    .values(
        status=RunStatus.QUEUED.value,
        lease_owner=null(),
        lease_until=database_now() + bindparam("lease", type_=BigInteger),
    )
    .returning(runs.c.request)
)

_WAITING = ("run_id", "agent_id", "owner", "session_id", "user_id")
_FEWEST = ("run_id", "session_id", "owner", "agent_id", "kind")
"""The fields of a filter, by how few actions they leave."""


_SHOWN = tuple(pending_actions.c[name] for name in (*_WAITING, "id", "created_at", "document"))
_ONE = select(*_SHOWN, pending_actions.c.answer).where(pending_actions.c.id == bindparam("action_id"))


@cache
def _waiting(names: tuple[str, ...], *, after: bool, oldest_first: bool) -> Select[Any]:
    page = select(*_SHOWN).where(*_conditions(names))
    created_at, id = pending_actions.c.created_at, pending_actions.c.id
    return paged(page, created_at, id, after=after, oldest_first=oldest_first)


@cache
def _count(names: tuple[str, ...]) -> Select[Any]:
    return select(func.count()).select_from(pending_actions).where(*_conditions(names))


def _conditions(names: tuple[str, ...]) -> list[ColumnElement[bool]]:
    best = next((name for name in _FEWEST if name in names), None)
    return [pending_actions.c.answer.is_(None), *(_condition(name, indexed=name == best) for name in names)]


def _condition(name: str, *, indexed: bool) -> ColumnElement[bool]:
    if name == "tool":
        # Those that wait are few, so that no index has it.
        return json_member(pending_actions.c.document, "call", "name") == bindparam("with_tool")
    if name == "approver":
        approver = func.coalesce(json_member(pending_actions.c.document, "approver"), "owner")
        is_approval = pending_actions.c.kind == PendingKind.APPROVAL.value
        return and_(is_approval, approver == bindparam("with_approver"))
    if name == "approver_of":
        mine = pending_actions.c.owner == bindparam("with_approver_of")
        return or_(mine, pending_actions.c.kind == PendingKind.APPROVAL.value)
    condition = pending_actions.c[name] == bindparam(f"with_{name}")
    return condition if indexed else without_index(condition)


class SqlPauses(SqlStore, RunStore):
    """Pauses runs, and takes the answers."""

    def pause(
        self,
        run: Run,
        *,
        checkpoints: Sequence[Checkpoint],
        actions: Sequence[PendingAction],
        frames: Sequence[Frame] = (),
        records: Sequence[Record] = (),
        limit: int | None = None,
    ) -> bool:
        if not actions:
            raise ValueError(f"run {run.id!r} is to be paused without an action; it would wait for ever")
        values = {f"new_{name}": value for name, value in outcome_values(run).items()}
        values.update(run_id=run.id, my_attempt=run.attempt)
        events = rows_of(run.id, frames)
        saved = checkpoint_values(run.id, checkpoints)
        waiting = action_values(run.id, actions)

        def work(connection: Connection) -> bool:
            paused = connection.execute(_PAUSE, values).first()
            if paused is None:
                there = {row.id for row in action_rows(connection, run.id)}
                return there.issuperset(action.id for action in actions)
            if paused.cancel_requested:
                raise RunCancelled("the run was asked to stop, so it does not pause")
            _check_limit(connection, paused.owner, limit)
            add_checkpoints(connection, saved)
            add_actions(connection, waiting, paused)
            if events:
                append(connection, events)
            put_records(connection, records)
            return True

        return self._database.write(work)

    def answer(
        self,
        run_id: str,
        answers: Mapping[str, Answer],
        *,
        owner: str | None,
        forget: Sequence[RecordKey] = (),
        claim_within: float = CLAIM_WITHIN,
        late: bool = False,
        records: Mapping[str, Record] = NO_RECORDS,
    ) -> Answered:
        def work(connection: Connection) -> tuple[Row, Sequence[PendingAction], bool, str | None]:
            locked = connection.execute(*_LOCK.for_owner(owner, run_id=run_id)).first()
            if locked is None:
                raise RunNotFound(run_id)
            rows = action_rows(connection, run_id)
            actions = actions_of(rows)
            new = new_answers(
                run_id,
                answers,
                actions,
                status=RunStatus(locked.status),
                asked_to_stop=bool(locked.cancel_requested),
                expired={row.id for row in rows if row.expired},
                late=late,
            )
            for action_id, answer in new.items():
                connection.execute(_ANSWER, {"action_id": action_id, "given_answer": answer_text(answer)})
            put_records(connection, [record for action_id, record in records.items() if action_id in new])
            pending = [action for action in actions if action.answer is None and action.id not in new]
            resumed, request = bool(new) and not pending, None
            if resumed:
                request = connection.execute(_RESUME, {"run_id": run_id, "lease": duration(claim_within)}).scalar()
                delete_records(connection, forget)
            row = connection.execute(*GET_RUN.for_owner(owner, run_id=run_id)).first()
            assert row is not None
            return row, pending, resumed, request

        row, pending, resumed, request = self._database.write(work)
        (run,) = whole_runs([row], self._database, {run_id: pending})
        return Answered(replace(run, request=request_of(request)), resumed)

    def waiting(self, where: PendingFilter, paging: Paging, *, oldest_first: bool = False) -> Page[WaitingAction]:
        statement = _waiting(tuple(where.given()), after=paging.cursor is not None, oldest_first=oldest_first)
        rows = self._database.query(statement, {**_values(where), **page_values(paging)}).all()
        return page_of(rows, paging, place=place_by("created_at"), convert=lambda kept: list(map(_waiting_of, kept)))

    def count_waiting(self, where: PendingFilter) -> int:
        count: int = self._database.query(_count(tuple(where.given())), _values(where)).scalar()
        return count

    def action(self, action_id: str) -> WaitingAction | None:
        row = self._database.query(_ONE, {"action_id": action_id}).first()
        return None if row is None else _waiting_of(row, row.answer)

    def actions(self, run_id: str) -> Sequence[PendingAction]:
        return actions_of(self._database.read(lambda connection: action_rows(connection, run_id)))

    def checkpoints(self, run_id: str) -> Sequence[Checkpoint]:
        return self._database.read(lambda connection: read_checkpoints(connection, run_id))


def _check_limit(connection: Connection, owner: str, limit: int | None) -> None:
    """Raise :class:`~agentos.errors.RateLimited` if an owner has more paused runs with the new one than it may have."""
    if limit is None:
        return
    # Pauses that would count the same runs come one after the other. The holder waits for no row of another.
    lock_until_commit(connection, _SPACE, crc32(owner.encode()) - 2**31)
    paused = connection.execute(_PAUSED_OF_OWNER, {"of_owner": owner}).scalar()
    check_paused(paused - 1, limit)


def _values(where: PendingFilter) -> dict[str, str]:
    return {f"with_{name}": str(value) for name, value in where.given().items()}


def _waiting_of(row: Row, answer: str | None = None) -> WaitingAction:
    return WaitingAction(**fields_of(row, _WAITING), action=action_of(row.document, answer))
