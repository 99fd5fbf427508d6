"""Lists by time and id: what those of sessions and runs have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Integer, Select, bindparam, tuple_

from agentos.storage.paging import Cursor, Page, Paging, next_place, page_of
from agentos.storage.sqlalchemy.columns import microseconds, time_of
from agentos.storage.sqlalchemy.connection import Row
from agentos.storage.sqlalchemy.tables import runs

T = TypeVar("T")


def paged(statement: Select[Any], time: ColumnElement[int], id: ColumnElement[str], *, after: bool) -> Select[Any]:
    """Return a statement that reads one page; with ``after``, the one behind a cursor."""
    if after:
        # One comparison of rows, which is one range of the index, where `time < … OR time = … AND …` would be a scan.
        statement = statement.where(tuple_(time, id) < _place(id))
    statement = statement.order_by(time.desc(), id.desc()).limit(bindparam("page_limit", type_=Integer))
    return statement if after else statement.offset(bindparam("page_offset", type_=Integer))


def page_values(paging: Paging) -> dict[str, Any]:
    """Return the parameters of :func:`paged`: one item more than asked for shows whether there is a next page."""
    values: dict[str, Any] = {"page_limit": paging.limit + 1}
    if paging.cursor is None:
        return {**values, "page_offset": paging.offset}
    return {**values, **place_values(paging.cursor)}


def sql_page(
    rows: Sequence[Row], paging: Paging, convert: Callable[[Sequence[Row]], Sequence[T]], *, time: str
) -> Page[T]:
    """Return the page of what was read; ``time`` names the column that the list is ordered by."""
    return page_of(rows, paging, place=lambda row: Cursor(time_of(getattr(row, time)), row.id), convert=convert)


def oldest_runs(runs_page: Select[Any], *, after: bool) -> Select[Any]:
    """Return a statement that reads a page of runs, oldest first; with ``after``, the one behind a cursor."""
    # In the order of creation, for which there is an index: one more, of ends, would cost every run a page.
    if after:
        runs_page = runs_page.where(tuple_(runs.c.created_at, runs.c.id) > _place(runs.c.id))
    return runs_page.order_by(runs.c.created_at, runs.c.id).limit(bindparam("page_limit", type_=Integer))


def place_values(after: Cursor | None) -> dict[str, Any]:
    """Return the parameters of a place in a list, if one is given."""
    return {} if after is None else {"cursor_time": microseconds(after.time), "cursor_id": after.id}


def place_after(looked_at: Sequence[Row], limit: int) -> Cursor | None:
    """Return where to continue after the rows of :func:`oldest_runs`; ``None`` at the end of the list."""
    return next_place(looked_at, limit, place=lambda row: Cursor(time_of(row.created_at), row.id))


def _place(id: ColumnElement[str]) -> Any:
    return tuple_(bindparam("cursor_time", type_=BigInteger), bindparam("cursor_id", type_=id.type))
