"""Reads lists that come in pages."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from agentos.storage.paging import Page, Paging

T = TypeVar("T")

PAGE = 500


def read_pages(read: Callable[[Paging], Page[T]], limit: int = sys.maxsize) -> Iterator[T]:
    """Yield up to ``limit`` items of a list, of which ``read`` returns a part. Without ``limit``: all."""
    from agentos.storage.paging import Paging

    paging = Paging(limit=min(limit, PAGE))
    while True:
        page = read(paging)
        yield from page.items
        limit -= len(page.items)
        if page.next_cursor is None or limit <= 0:
            return
        paging = Paging(limit=min(limit, PAGE), cursor=page.next_cursor)
