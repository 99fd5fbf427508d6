"""Lists by time and id, newest first: the part that sessions and runs have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Integer, Select, bindparam, tuple_

from agentos.storage.sqlalchemy.connection import Row
from agentos.storage.sqlalchemy.mapping import microseconds, time_of
from agentos.storage.values import Cursor, Page, Paging

T = TypeVar("T")


def paged(statement: Select[Any], time: ColumnElement[int], id: ColumnElement[str], *, after: bool) -> Select[Any]:
    """Return a statement that reads one page; with ``after``, the one behind a cursor."""
    if after:
        place = tuple_(bindparam("cursor_time", type_=BigInteger), bindparam("cursor_id", type_=id.type))
        # One comparison of rows, which is one range of the index, where `time < … OR time = … AND …` would be a scan.
        statement = statement.where(tuple_(time, id) < place)
    statement = statement.order_by(time.desc(), id.desc()).limit(bindparam("page_limit", type_=Integer))
    return statement if after else statement.offset(bindparam("page_offset", type_=Integer))


def page_values(paging: Paging) -> dict[str, Any]:
    """Return the parameters of :func:`paged`: one item more than asked for shows whether there is a next page."""
    values: dict[str, Any] = {"page_limit": paging.limit + 1}
    if paging.cursor is None:
        return {**values, "page_offset": paging.offset}
    return {**values, "cursor_time": microseconds(paging.cursor.time), "cursor_id": paging.cursor.id}


def page_of(rows: Sequence[Row], paging: Paging, convert: Callable[[Sequence[Row]], list[T]], *, time: str) -> Page[T]:
    """Return the page of what was read; ``time`` names the column that the list is ordered by."""
    kept = rows[: paging.limit]
    more = len(rows) > len(kept) and bool(kept)
    following = Cursor(time_of(getattr(kept[-1], time)), kept[-1].id) if more else None
    return Page(convert(kept), following)
