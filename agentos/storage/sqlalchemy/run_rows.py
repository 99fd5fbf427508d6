"""Runs to rows and back, and the statement that reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import bindparam, select

from agentos.domain.run import Run, RunError, RunStatus
from agentos.domain.usage import Usage
from agentos.storage.endings import ended_at
from agentos.storage.json_text import dumps, loads
from agentos.storage.sqlalchemy.columns import Values, microseconds, object_of, time_of, time_or_none
from agentos.storage.sqlalchemy.connection import Row
from agentos.storage.sqlalchemy.database import Database
from agentos.storage.sqlalchemy.inline_media import RUN_PLACE, InlineMedia
from agentos.storage.sqlalchemy.media_rows import attachments_of
from agentos.storage.sqlalchemy.owner_scoped import OwnerScoped
from agentos.storage.sqlalchemy.tables import run_media, runs

_INNER = ("turn", "lease_owner", "lease_until", "cancel_requested", "forget_requested")

RUNS = select(
    *(column for column in runs.c if column.name not in _INNER), run_media.c.attachments, RUN_PLACE
).select_from(runs.outerjoin(run_media, run_media.c.run_id == runs.c.id))
"""What :func:`runs_of` needs of each run."""

GET_RUN = OwnerScoped(RUNS.where(runs.c.id == bindparam("run_id")), runs.c.owner)
"""One run by its id."""


UNFINISHED = [status.value for status in RunStatus if not status.finished]
"""The statuses of unfinished runs."""


def run_values(run: Run) -> Values:
    """Return the row of a new run, without what the database decides."""
    return {
        "id": run.id,
        "agent_id": run.agent_id,
        "owner": run.owner,
        "session_id": run.session_id,
        "user_id": run.user_id,
        "attempt": run.attempt,
        "input": run.input,
        "created_at": microseconds(run.created_at),
        "context": dumps(run.context),
        **_outcome(run),
    }


def ending_values(run: Run) -> Values:
    """Return the columns that the end of a run sets."""
    return {"status": run.status.value, "ended_at": microseconds(ended_at(run)), **_outcome(run)}


def _outcome(run: Run) -> Values:
    """Return the columns that a run has from its admission on and that its end may change."""
    return {
        "content": run.content,
        "reasoning": run.reasoning,
        "error": None if run.error is None else _error_text(run.error),
        "model": run.model,
        "finish_reason": run.finish_reason,
        "prompt_tokens": run.usage.prompt_tokens,
        "completion_tokens": run.usage.completion_tokens,
        "reasoning_tokens": run.usage.reasoning_tokens,
        "cached_tokens": run.usage.cached_tokens,
        "loops": run.loops,
        "metadata": dumps(run.metadata),
    }


def _error_text(error: RunError) -> str:
    return dumps({"code": error.code, "error": error.error, "message": error.message, "details": error.details})


def run_of(row: Row) -> Run:
    """Return the run of a row that has its ``attachments`` beside it."""
    return Run(
        id=row.id,
        agent_id=row.agent_id,
        owner=row.owner,
        session_id=row.session_id,
        user_id=row.user_id,
        position=row.position,
        attempt=row.attempt,
        status=RunStatus(row.status),
        input=row.input,
        media=attachments_of(row.attachments),
        content=row.content,
        reasoning=row.reasoning,
        error=None if row.error is None else RunError(**loads(row.error)),
        model=row.model,
        finish_reason=row.finish_reason,
        usage=Usage(row.prompt_tokens, row.completion_tokens, row.reasoning_tokens, row.cached_tokens),
        loops=row.loops,
        metadata=object_of(row.metadata),
        context=object_of(row.context),
        created_at=time_of(row.created_at),
        started_at=time_or_none(row.started_at),
        ended_at=time_or_none(row.ended_at),
    )


def runs_of(rows: Sequence[Row], inline: InlineMedia) -> list[Run]:
    """Return the runs of rows. Outside of a transaction: those of earlier versions are looked up again, one by one."""
    return [run_of(row) if row.place is None else replace(run_of(row), media=inline.at(row.place)) for row in rows]


def run_at(row: Row | None, database: Database) -> Run | None:
    """Return the run of the row that a query found, if it found one."""
    return None if row is None else runs_of([row], InlineMedia(database))[0]
