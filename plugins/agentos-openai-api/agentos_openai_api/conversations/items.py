"""The messages of a session as items. Their ids are made of the messages' places."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from agentos import Message, Session
from agentos.web import InvalidRequest, StoredMessage, caller, server
from agentos_openai_api.ids import MESSAGE
from agentos_openai_api.lists import list_json, page_of, unknown_after
from agentos_openai_api.responses.items import items_of

PAGE = 500

LARGEST_PAGE = 8 * 1024**2
"""Bytes of attachments at which a page ends. One message alone may have more."""

_ID = re.compile(r"[a-z]{2,4}_s([0-9]{1,9})(?:_[0-9]{1,4})?")


def page_of_items(session: Session, query: dict[str, Any]) -> dict[str, Any]:
    """Return a page of what was said. Raises ``InvalidRequest`` for an ``after`` that is no item's id."""
    after = query.get("after")
    match = None if after is None else _ID.fullmatch(after)
    if after is not None and match is None:
        raise unknown_after(after)
    if query["order"] == "asc":
        stored = _from(session, 0 if match is None else int(match[1]), query)
        return _with_bytes(session, stored, page_of(_items(stored), query))
    before = None if match is None else int(match[1]) + 1
    # A message is at least one item, and the first ones of the page may be of the message that holds `after`.
    stored = _history(session, query["limit"] + 2, before)
    items = list(reversed(_items(stored)))
    begin = next((number + 1 for number, item in enumerate(items) if item["id"] == after), 0)
    page = items[begin : begin + query["limit"]]
    return _with_bytes(session, stored, list_json(page, has_more=len(items) > begin + query["limit"]))


def find_item(session: Session, item_id: str) -> dict[str, Any] | None:
    """Return an item by its id; ``None`` if it is not there."""
    match = _ID.fullmatch(item_id)
    if match is None:
        return None
    stored = _history(session, 1, int(match[1]) + 1)
    found = [item for item in _items(stored) if item["id"] == item_id]
    page = _with_bytes(session, stored, list_json(found, has_more=False))["data"]
    return page[0] if page else None


def _with_bytes(session: Session, stored: Iterable[StoredMessage], page: dict[str, Any]) -> dict[str, Any]:
    """Return a page with the bytes of its attachments, so that a client can send the items again.

    A page that becomes large ends before the next of them, and says that more follow.
    """
    messages = {f"{MESSAGE}s{one.sequence}": one for one in stored if _has_bytes(one.message)}
    whole: list[dict[str, Any]] = []
    size = 0
    for item in page["data"]:
        if item["id"] in messages:
            one = messages[item["id"]]
            size += sum(media.byte_count or 0 for media in one.message.media)
            if size > LARGEST_PAGE and whole:
                return list_json(whole, has_more=True)
            item = items_of(server().sessions.with_data(one.message, session), f"s{one.sequence}")[0]
        whole.append(item)
    return {**page, "data": whole}


def _has_bytes(message: Message) -> bool:
    return any(media.url is None for media in message.media)


def add_items(session: Session, messages: Sequence[Message]) -> Sequence[dict[str, Any]]:
    """Add what a client says that was said; return the items. Raises what ``server().sessions.append`` raises."""
    return _items(server().sessions.append(session.id, messages, caller()))


def remove_item(session: Session, item_id: str) -> bool:
    """Remove an item; return whether it was there. Raises ``InvalidRequest`` for one that cannot go alone."""
    match = _ID.fullmatch(item_id)
    if match is None:
        return False
    sequence = int(match[1])
    found = _history(session, 1, sequence + 1)
    ids = [item["id"] for item in _items(found)]
    if item_id not in ids:
        return False
    if len(ids) > 1:  # of a run, or added by something else than this door
        run_id = found[0].run_id
        where = f"; DELETE /api/v1/runs/{run_id} removes its run" if run_id else ""
        raise InvalidRequest(f"item {item_id!r} is one of {len(ids)} of one message, and cannot go alone{where}")
    return server().sessions.remove_message(session.id, sequence, caller())


def _items(stored: Iterable[StoredMessage]) -> list[dict[str, Any]]:
    return [item for one in stored for item in items_of(one.message, f"s{one.sequence}")]


def _history(session: Session, limit: int, before: int | None) -> list[StoredMessage]:
    return list(server().sessions.history(session.id, caller(), limit=limit, before=before).messages)


def _from(session: Session, sequence: int, query: dict[str, Any]) -> list[StoredMessage]:
    """Return the messages from one on, oldest first: as many as a page takes, and one item more if there is one.

    Histories are read from their ends, so this looks at a range of numbers, and at a wider one where many are gone.
    """
    found: list[StoredMessage] = []
    newest = _history(session, 1, None)
    count = query["limit"] + 2
    while newest and sequence <= newest[0].sequence:
        found += [one for one in _history(session, count, sequence + count) if one.sequence >= sequence]
        items = _items(found)
        begin = next((number + 1 for number, item in enumerate(items) if item["id"] == query.get("after")), 0)
        if len(items) > begin + query["limit"]:
            break
        sequence += count
        count = min(2 * count, PAGE)
    return found
