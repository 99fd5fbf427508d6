"""Filters and pages of lists in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from agentos.storage.paging import Cursor, Page, Paging, page_of

T = TypeVar("T")


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
