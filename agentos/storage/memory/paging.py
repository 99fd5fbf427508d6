"""Filters and pages of lists in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from agentos.storage.paging import Cursor, Page, Paging, page_of

T = TypeVar("T")


def matching(items: Iterable[T], wanted: Mapping[str, Any]) -> list[T]:
    """Return the items that have all the values wanted, by field name."""
    return [item for item in items if all(getattr(item, name) == value for name, value in wanted.items())]


def page(
    items: Iterable[T],
    paging: Paging,
    *,
    place: Callable[[T], Cursor],
    copy: Callable[[T], T],
    oldest_first: bool = False,
) -> Page[T]:
    """Return copies of one page of items, newest first unless it is asked for otherwise."""
    ordered = sorted(items, key=place, reverse=not oldest_first)
    if paging.cursor is None:
        rest = ordered[paging.offset :]
    elif oldest_first:
        rest = [item for item in ordered if place(item) > paging.cursor]
    else:
        rest = [item for item in ordered if place(item) < paging.cursor]
    return page_of(rest, paging, place=place, convert=lambda kept: [copy(item) for item in kept])
