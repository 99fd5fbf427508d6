"""Runs as they are looked up and listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, case, literal_column, select

from agentos.domain.run import Run
from agentos.storage.sqlalchemy.connection import Row
from agentos.storage.sqlalchemy.engine import Database
from agentos.storage.sqlalchemy.inline_media import RUN_PLACE, InlineMedia
from agentos.storage.sqlalchemy.mapping import run_of
from agentos.storage.sqlalchemy.owned import Owned
from agentos.storage.sqlalchemy.paging import page_of, page_values, paged
from agentos.storage.sqlalchemy.store import Store
from agentos.storage.sqlalchemy.tables import run_media, runs
from agentos.storage.values import Page, Paging, RunFilter

_INNER = ("turn", "lease_owner", "lease_until", "cancel_requested", "forget_requested")

RUNS = select(
    *(column for column in runs.c if column.name not in _INNER), run_media.c.attachments, RUN_PLACE
).select_from(runs.outerjoin(run_media, run_media.c.run_id == runs.c.id))
"""What :func:`runs_of` needs of each run."""

GET_RUN = Owned(RUNS.where(runs.c.id == bindparam("run_id")), runs.c.owner)
"""One run by its id."""


def _condition(name: str, names: tuple[str, ...]) -> ColumnElement[bool]:
    """Return the condition of a filter; beside a session's, the others' are written so that no index answers them.

    A session has few runs, its owner or agent may have had millions: a planner that does not know would read them all.
    """
    condition = runs.c[name] == bindparam(f"with_{name}")
    if name == "session_id" or "session_id" not in names:
        return condition
    return case((condition, literal_column("1")), else_=literal_column("0")) == literal_column("1")


@cache
def _list(names: tuple[str, ...], *, after: bool) -> Select[Any]:
    conditions = [_condition(name, names) for name in names]
    return paged(RUNS.where(*conditions), runs.c.created_at, runs.c.id, after=after)


def runs_of(rows: Sequence[Row], inline: InlineMedia) -> list[Run]:
    """Return the runs of rows. Outside of a transaction: those of earlier versions are looked up again, one by one."""
    return [run_of(row) if row.place is None else replace(run_of(row), media=inline.at(row.place)) for row in rows]


def run_at(row: Row | None, database: Database) -> Run | None:
    """Return the run of the row that a query found, if it found one."""
    return None if row is None else runs_of([row], InlineMedia(database))[0]


class RunStore(Store):
    """Runs by id and by time."""

    def get_run(self, run_id: str, *, owner: str | None) -> Run | None:
        get = GET_RUN.of(owner, run_id=run_id)
        row = self._database.read(lambda connection: connection.execute(*get).first())
        return run_at(row, self._database)

    def list_runs(self, where: RunFilter, paging: Paging) -> Page[Run]:
        given = {name: value for name in where.__slots__ if (value := getattr(where, name)) is not None}
        statement = _list(tuple(given), after=paging.cursor is not None)
        values = {**{f"with_{name}": str(value) for name, value in given.items()}, **page_values(paging)}
        rows = self._database.read(lambda connection: connection.execute(statement, values).all())
        return page_of(rows, paging, lambda kept: runs_of(kept, InlineMedia(self._database)), time="created_at")
