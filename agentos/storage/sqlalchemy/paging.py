"""Lists by time and id: what those of sessions and runs have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, Select, bindparam, tuple_

from agentos.storage.paging import Cursor, Paging, next_place
from agentos.storage.sqlalchemy.columns import Values, microseconds, time_of
from agentos.storage.sqlalchemy.connection import Row
from agentos.storage.sqlalchemy.database import Database
from agentos.storage.sqlalchemy.tables import runs


def paged(
    statement: Select[Any],
    time: ColumnElement[int],
    id: ColumnElement[str],
    *,
    after: bool,
    oldest_first: bool = False,
) -> Select[Any]:
    """Return a statement that reads one page; with ``after``, the one behind a cursor."""
    if after:
        # One comparison of rows, which is one range of the index, where `time < … OR time = … AND …` would be a scan.
        here, place = tuple_(time, id), _place(id)
        statement = statement.where(here > place if oldest_first else here < place)
    order = (time, id) if oldest_first else (time.desc(), id.desc())
    statement = statement.order_by(*order).limit(bindparam("page_limit", type_=Integer))
    return statement if after else statement.offset(bindparam("page_offset", type_=Integer))


def page_values(paging: Paging) -> Values:
    """Return the parameters of :func:`paged`: one item more than asked for shows whether there is a next page."""
    place = _place_values(paging.cursor) or {"page_offset": paging.offset}
    return {"page_limit": paging.limit + 1, **place}


def place_by(time: str) -> Callable[[Row], Cursor]:
    """Return what makes a row's place in a list that is ordered by this column."""
    return lambda row: Cursor(time_of(getattr(row, time)), row.id)


def oldest_runs(runs_page: Select[Any], *, after: bool) -> Select[Any]:
    """Return a statement that reads a page of runs, oldest first; with ``after``, the one behind a cursor."""
    # In the order of creation, for which there is an index: one more, of ends, would cost every run a page.
    if after:
        runs_page = runs_page.where(tuple_(runs.c.created_at, runs.c.id) > _place(runs.c.id))
    return runs_page.order_by(runs.c.created_at, runs.c.id).limit(bindparam("page_limit", type_=Integer))


def read_oldest(
    database: Database, page: Select[Any], values: Values, *, after: Cursor | None, limit: int
) -> tuple[Sequence[Row], Cursor | None]:
    """Read a page of :func:`oldest_runs`; return its rows and the place to continue at, ``None`` at the end."""
    rows = database.query(page, {**values, "page_limit": limit, **_place_values(after)}).all()
    return rows, next_place(rows, limit, place=place_by("created_at"))


def _place_values(after: Cursor | None) -> Values:
    return {} if after is None else {"cursor_time": microseconds(after.time), "cursor_id": after.id}


def _place(id: ColumnElement[str]) -> Any:
    return tuple_(bindparam("cursor_time", type_=BigInteger), bindparam("cursor_id", type_=id.type))
