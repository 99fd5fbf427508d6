"""Lists of items, in pages as the dialect has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentos.web import (
    Choice,
    InvalidRequest,
    OpenRequestSchema,
    QueryInteger,
    Raw,
    ResponseSchema,
    StrictBoolean,
    StrictString,
    shown,
)

DEFAULT = 20
MOST = 100


class ItemsQuery(OpenRequestSchema):
    """Which items."""

    after = StrictString("The id of the item before the first of the page.", most=255)
    limit = QueryInteger("How many at most.", least=1, most=MOST, default=DEFAULT)
    order = Choice("`desc`: the latest first.", ("asc", "desc"), default="desc")


class OpenAIItemListSchema(ResponseSchema):
    """A page of items."""

    object = Choice("Always `list`.", ("list",))
    data = Raw("The items.", {"type": "array", "items": {"type": "object"}})
    first_id = StrictString("The first one's id.", nullable=True)
    last_id = StrictString("The last one's id.", nullable=True)
    has_more = StrictBoolean("Whether more follow.")


def page_of(items: Sequence[dict[str, Any]], query: dict[str, Any]) -> dict[str, Any]:
    """Return a page of items, which are oldest first. Raises ``InvalidRequest`` for an ``after`` that is none."""
    ordered = list(items) if query["order"] == "asc" else list(reversed(items))
    after = query.get("after")
    begin = 0
    if after is not None:
        ids = [item["id"] for item in ordered]
        if after not in ids:
            raise unknown_after(after)
        begin = ids.index(after) + 1
    return list_json(ordered[begin : begin + query["limit"]], has_more=len(ordered) > begin + query["limit"])


def unknown_after(after: str) -> InvalidRequest:
    """Return the error for an ``after`` that is no item's id."""
    words = f"is {shown(after)}; accepted is the id of an item here"
    return InvalidRequest(f"query parameter 'after' {words}", details={"fields": {"after": words}})


def list_json(items: Sequence[dict[str, Any]], *, has_more: bool) -> dict[str, Any]:
    """Return a page."""
    return {
        "object": "list",
        "data": list(items),
        "first_id": items[0]["id"] if items else None,
        "last_id": items[-1]["id"] if items else None,
        "has_more": has_more,
    }
