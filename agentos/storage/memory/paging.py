"""Filters and pages of lists in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any, TypeVar

from agentos.domain.run import Run
from agentos.domain.session import Session
from agentos.storage.memory.records import RunRecord
from agentos.storage.paging import Cursor, Page, Paging, next_place, page_of

T = TypeVar("T", Run, Session)

_place = attrgetter("place")


def matching(items: Iterable[T], wanted: Mapping[str, Any]) -> list[T]:
    """Return the items that have all the values wanted, by field name."""
    return [item for item in items if all(getattr(item, name) == value for name, value in wanted.items())]


def page(items: Iterable[T], paging: Paging, *, place: Callable[[T], Cursor], copy: Callable[[T], T]) -> Page[T]:
    """Return copies of one page of items, newest first."""
    ordered = sorted(items, key=place, reverse=True)
    if paging.cursor is None:
        rest = ordered[paging.offset :]
    else:
        rest = [item for item in ordered if place(item) < paging.cursor]
    return page_of(rest, paging, place=place, convert=lambda kept: [copy(item) for item in kept])


def oldest_runs(
    runs: Iterable[RunRecord], *, after: Cursor | None, limit: int
) -> tuple[list[RunRecord], Cursor | None]:
    """Return up to ``limit`` runs after a place, oldest first, and the place to continue at."""
    ordered = sorted(runs, key=_place)
    found = [one for one in ordered if after is None or one.place > after][:limit]
    return found, next_place(found, limit, place=_place)
