"""The messages of a session as items. Their ids are made of the messages' places."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from agentos import Session
from agentos.web import StoredMessage, caller, server
from agentos_openai_api.lists import list_json, page_of, unknown_after
from agentos_openai_api.responses.items import items_of

PAGE = 500

_ID = re.compile(r"[a-z]{2,4}_s([0-9]{1,9})(?:_[0-9]{1,4})?")


def page_of_items(session: Session, query: dict[str, Any]) -> dict[str, Any]:
    """Return a page of what was said. Raises ``InvalidRequest`` for an ``after`` that is no item's id."""
    if query["order"] == "asc":
        return page_of(_items(_all(session)), query)
    after = query.get("after")
    before = None
    if after is not None:
        match = _ID.fullmatch(after)
        if match is None:
            raise unknown_after(after)
        before = int(match[1]) + 1
    # A message is at least one item, and the first ones of the page may be of the message that holds `after`.
    stored = _history(session, query["limit"] + 2, before)
    items = list(reversed(_items(stored)))
    begin = next((number + 1 for number, item in enumerate(items) if item["id"] == after), 0)
    page = items[begin : begin + query["limit"]]
    return list_json(page, has_more=len(items) > begin + query["limit"])


def find_item(session: Session, item_id: str) -> dict[str, Any] | None:
    """Return an item by its id; ``None`` if it is not there."""
    match = _ID.fullmatch(item_id)
    if match is None:
        return None
    items = _items(_history(session, 1, int(match[1]) + 1))
    return next((item for item in items if item["id"] == item_id), None)


def _items(stored: Iterable[StoredMessage]) -> list[dict[str, Any]]:
    return [item for one in stored for item in items_of(one.message, f"s{one.sequence}")]


def _history(session: Session, limit: int, before: int | None) -> list[StoredMessage]:
    return list(server().sessions.history(session.id, caller(), limit=limit, before=before).messages)


def _all(session: Session) -> list[StoredMessage]:
    found: list[StoredMessage] = []
    before: int | None = None
    while page := _history(session, PAGE, before):
        found = page + found
        before = page[0].sequence
        if len(page) < PAGE:
            break
    return found
