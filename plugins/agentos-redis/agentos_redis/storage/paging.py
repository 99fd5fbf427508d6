"""Pages of lists that are ordered by time and id, and the bounds of their indexes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from agentos.backends import Cursor, Paging
from agentos_redis.storage.database import Database
from agentos_redis.storage.values import stamp, text_of

Row = list[Any]

MOST = 1000
"""Entries that one call returns."""


def place_text(cursor: Cursor) -> str:
    """Return a place as the indexes have it."""
    return f"{stamp(cursor.time)}:{cursor.id}"


def bounds(
    *,
    after: Cursor | None = None,
    newest: bool = True,
    since: datetime | None = None,
    before: datetime | None = None,
) -> dict[str, Any]:
    """Return the part of an index that is looked through: after a place, since a time, and before one."""
    low = [] if since is None else [f"[{stamp(since)}"]
    high = [] if before is None else [f"({stamp(before)}"]
    if after is not None:
        (high if newest else low).append(f"({place_text(after)}")
    found: dict[str, Any] = {"newest": newest}
    if low:
        found["low"] = max(low, key=lambda one: one[1:])
    if high:
        found["high"] = min(high, key=lambda one: one[1:])
    return found


def collect(
    database: Database,
    operation: str,
    paging: Paging,
    query: dict[str, Any],
    *,
    keep: Callable[[Row], bool] | None = None,
    **arguments: Any,
) -> Sequence[Row]:
    """Return one row more than a page has, so that it shows whether another follows.

    Without ``keep``, which is asked about each row, a list by one value takes one call. Others take one for each two
    thousand entries that are looked at, since no call may hold the server for long.
    """
    found: list[Row] = []
    wanted = paging.limit + 1
    offset = 0 if paging.cursor is not None else paging.offset
    skipped = 0
    while True:
        limit = wanted - len(found) if keep is None else max(100, wanted)
        asked = {**query, "limit": min(limit, MOST), "offset": offset if keep is None else 0}
        rows, place, left = database.read(operation, query=asked, **arguments)
        offset = int(left) if keep is None else offset
        for row in rows:
            if keep is not None:
                if not keep(row):
                    continue
                if skipped < offset:
                    skipped += 1
                    continue
            found.append(row)
        if place is None or len(found) >= wanted:
            return found[:wanted]
        query = {**query, "high" if query["newest"] else "low": f"({text_of(place)}"}
