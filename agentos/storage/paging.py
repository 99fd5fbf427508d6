"""Parts of lists: which one is asked for, and where the next one begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """A place in a list that is ordered by time and id: the last item of the page before."""

    time: datetime
    id: str

    @classmethod
    def of_id(cls, id: str) -> Cursor:
        """Return a place in a list that is ordered by id alone."""
        return cls(datetime(1970, 1, 1, tzinfo=UTC), id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """Which part of a list: ``limit`` items after ``cursor`` or, without one, after ``offset`` items."""

    limit: int = 100
    cursor: Cursor | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list, and where the next part begins; ``None`` when there is no more."""

    items: Sequence[T]
    next_cursor: Cursor | None = None


def page_of(
    found: Sequence[R], paging: Paging, *, place: Callable[[R], Cursor], convert: Callable[[Sequence[R]], Sequence[T]]
) -> Page[T]:
    """Return the page that begins with the first item found. One item more than the limit shows that a page follows."""
    kept = found[: paging.limit]
    more = len(found) > len(kept) and bool(kept)
    return Page(convert(kept), place(kept[-1]) if more else None)


def next_place(looked_at: Sequence[R], limit: int, *, place: Callable[[R], Cursor]) -> Cursor | None:
    """Return where to continue after up to ``limit`` items were looked at; ``None`` at the end of the list."""
    return place(looked_at[-1]) if len(looked_at) == limit else None
