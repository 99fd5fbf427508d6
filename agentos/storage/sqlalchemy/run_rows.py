"""Runs to rows and back, and the statement that reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import orjson
from sqlalchemy import Boolean, ColumnElement, Select, bindparam, or_, select, true, update

from agentos.domain.pending import PendingAction
from agentos.domain.run import Run, RunError, RunStatus
from agentos.domain.run_step import RunStep
from agentos.domain.usage import Usage
from agentos.storage.json_text import dumps, loads
from agentos.storage.run_ends import ended_at
from agentos.storage.run_requests import request_text
from agentos.storage.sqlalchemy.columns import Values, fields_of, microseconds, object_of, time_of, time_or_none
from agentos.storage.sqlalchemy.connection import Row
from agentos.storage.sqlalchemy.database import Database
from agentos.storage.sqlalchemy.media_rows import RUN_PLACE, InlineMedia, attachments_of
from agentos.storage.sqlalchemy.owner_scoped import OwnerScoped
from agentos.storage.sqlalchemy.pause_rows import read_pending
from agentos.storage.sqlalchemy.tables import run_media, runs

_INNER = ("turn", "lease_owner", "lease_until", "cancel_requested", "forget_requested", "request", "steps")

RUN_COLUMNS = [column for column in runs.c if column.name not in _INNER]
"""The run's own columns that :func:`runs_of` needs."""

RUNS = select(*RUN_COLUMNS, run_media.c.attachments, RUN_PLACE).select_from(
    runs.outerjoin(run_media, run_media.c.run_id == runs.c.id)
)
"""What :func:`runs_of` needs of each run."""

WHOLE = RUNS.add_columns(runs.c.steps, runs.c.lease_owner)
"""What :func:`whole_runs` needs; what lists and histories have would only be longer."""

GET_RUN = OwnerScoped(WHOLE.where(runs.c.id == bindparam("run_id")), runs.c.owner)
"""One whole run by its id."""

GET_RUNS = WHOLE.where(runs.c.id.in_(bindparam("run_ids", expanding=True)))
"""Whole runs by their ids."""

UNFINISHED = [status.value for status in RunStatus if not status.finished]
"""The statuses of unfinished runs."""

UNDER_WAY = [RunStatus.QUEUED.value, RunStatus.RUNNING.value]
"""The statuses of runs that a worker has, or that wait for one."""

_GIVEN = (
    *("id", "agent_id", "agent_version", "owner", "session_id", "user_id"),
    *("attempt", "input", "caller_id", "parent_run_id"),
)
_SAID = ("content", "reasoning", "model", "finish_reason", "loops")
_SAME = (*_GIVEN, "position", "crashes", *_SAID)
_TOKENS = ("prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens")
SAID = (*_SAID, *_TOKENS, "metadata")
"""The columns that a run has from its admission on and that its pauses and its end may change."""
OUTCOME = (*SAID, "error")
"""The same, and what its end alone changes."""


ASK_TO_STOP = (
    update(runs)
    .where(runs.c.ended_at.is_(None))
    .values(
        cancel_requested=true(),
        forget_requested=or_(runs.c.forget_requested, bindparam("forget", type_=Boolean)),  # never taken back
    )
)
"""Asks unfinished runs to stop; the caller says which."""


def locked_in_order(which: ColumnElement[bool], *, key_share: bool = False) -> Select[str]:
    """Return a query of unfinished runs that locks them in the order of their ids.

    Heartbeats, the event log and requests to stop lock many runs at once. In one order, they never block each other.
    """
    locked = select(runs.c.id).where(which, runs.c.ended_at.is_(None)).order_by(runs.c.id)
    return select(locked.with_for_update(key_share=key_share).cte("locked").c.id)


def run_values(run: Run) -> Values:
    """Return the row of a new run, without what the database decides."""
    return {
        **fields_of(run, _GIVEN),
        "created_at": microseconds(run.created_at),
        "context": dumps(run.context),
        "request": request_text(run.request),
        **outcome_values(run),
    }


def ending_values(run: Run) -> Values:
    """Return the columns that the end of a run sets."""
    # With orjson, in a twentieth of the time: each run has some, and none of their texts is a user's.
    steps = orjson.dumps(run.steps).decode() if run.steps else None
    return {"status": run.status.value, "ended_at": microseconds(ended_at(run)), "steps": steps, **outcome_values(run)}


def outcome_values(run: Run) -> Values:
    """Return the columns of :data:`OUTCOME`."""
    return {
        **fields_of(run, _SAID),
        **fields_of(run.usage, _TOKENS),
        "error": None if run.error is None else dumps(fields_of(run.error, run.error.__slots__)),
        "metadata": dumps(run.metadata),
    }


def run_of(row: Row) -> Run:
    """Return the run of a row that has its ``attachments`` beside it."""
    return Run(
        **fields_of(row, _SAME),
        status=RunStatus(row.status),
        media=attachments_of(row.attachments),
        error=None if row.error is None else RunError(**loads(row.error)),
        usage=Usage(row.prompt_tokens, row.completion_tokens, row.reasoning_tokens, row.cached_tokens),
        metadata=object_of(row.metadata),
        context=object_of(row.context),
        created_at=time_of(row.created_at),
        started_at=time_or_none(row.started_at),
        ended_at=time_or_none(row.ended_at),
    )


def runs_of(rows: Sequence[Row], inline: InlineMedia) -> list[Run]:
    """Return the runs of rows. Outside of a transaction: those of earlier versions are looked up again, one by one."""
    return [run_of(row) if row.place is None else replace(run_of(row), media=inline.at(row.place)) for row in rows]


def whole_runs(
    rows: Sequence[Row], database: Database, pending: Mapping[str, Sequence[PendingAction]] | None = None
) -> list[Run]:
    """Return the runs of the rows of :data:`WHOLE`, with their workers and what those that are paused wait for.

    That is read here, unless it was read before. Outside of a transaction, as :func:`runs_of`.
    """
    if pending is None:
        paused = [row.id for row in rows if row.status == RunStatus.PAUSED]
        pending = database.read(lambda connection: read_pending(connection, paused)) if paused else {}
    return [
        _whole(run, row, pending.get(run.id, ()))
        for run, row in zip(runs_of(rows, InlineMedia(database)), rows, strict=True)
    ]


def _whole(run: Run, row: Row, pending: Sequence[PendingAction]) -> Run:
    if row.lease_owner is None and row.steps is None and not pending:
        return run
    steps = () if row.steps is None else tuple(map(RunStep.from_dict, loads(row.steps)))
    return replace(run, worker_id=row.lease_owner, steps=steps, pending=tuple(pending))


def run_at(row: Row | None, database: Database) -> Run | None:
    """Return the run of the row that :data:`GET_RUN` found, if it found one."""
    return None if row is None else whole_runs([row], database)[0]
