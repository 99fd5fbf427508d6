"""Pages of lists: from query parameters to what storage is asked, and back to an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from agentos.api.cursors import CursorKind, encode_cursor
from agentos.errors import InvalidRequest
from agentos.storage.values import Page, Paging

T = TypeVar("T")


def paging(query: Mapping[str, Any]) -> Paging:
    """Return which part of a list a query asks for."""
    if "cursor" in query and "offset" in query:
        raise InvalidRequest("query parameters 'cursor' and 'offset' were both given; accepted is one of them")
    return Paging(limit=query["limit"], cursor=query.get("cursor"), offset=query.get("offset", 0))


def page_json(name: str, kind: CursorKind, page: Page[T], item_json: Callable[[T], dict[str, Any]]) -> dict[str, Any]:
    """Return a part of a list as an answer: the items under their name, their count, and where to go on."""
    answer: dict[str, Any] = {name: [item_json(item) for item in page.items], "count": len(page.items)}
    if page.next_cursor is not None:
        answer["next_cursor"] = encode_cursor(kind, page.next_cursor)
    return answer
