"""Pages of lists: from query parameters to what storage is asked, and back to an answer of a bounded size."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import orjson

from agentos.api.kit.cursors import CursorKind, encode_cursor
from agentos.domain.run import Run
from agentos.domain.session import Session
from agentos.errors import InvalidRequest
from agentos.fair_lock import LOOP_TURN
from agentos.services.agent_info import AgentInfo
from agentos.storage.agents import AgentVersion, place_of_version
from agentos.storage.keys import StoredKey
from agentos.storage.paging import Cursor, Page, Paging
from agentos.storage.pauses import WaitingAction

LARGEST = 8 * 1024**2
"""Bytes after which a part of a list ends before its limit. A thousand runs can hold gigabytes: inputs, answers."""

Listed = TypeVar("Listed", AgentInfo, AgentVersion, Run, Session, StoredKey, WaitingAction)


def page_json(
    kind: CursorKind,
    query: Mapping[str, Any],
    read: Callable[[Paging], Page[Listed]],
    item_json: Callable[[Listed], dict[str, Any]],
    *,
    piece: int,
) -> dict[str, Any]:
    """Return the part of a list that a query asks for: the items under their name, their count, and where to go on.

    It is read in pieces of so many items, so that no more than one is in memory beside the answer, and ends with the
    item that makes it larger than :data:`LARGEST`.
    """
    if "cursor" in query and "offset" in query:
        raise InvalidRequest("query parameters 'cursor' and 'offset' were both given; accepted is one of them")
    following = Paging(limit=query["limit"], cursor=query.get("cursor"), offset=query.get("offset", 0))
    items: list[orjson.Fragment] = []
    size, left = 0, following.limit
    while True:
        page = read(replace(following, limit=min(piece, left)))
        for item in page.items:
            encoded = orjson.dumps(item_json(item))
            items.append(orjson.Fragment(encoded))
            size += len(encoded)
            if size > LARGEST and item is not page.items[-1]:
                return _answer(kind, items, _place(item))
        left -= len(page.items)
        if page.next_cursor is None or left <= 0 or size > LARGEST:
            return _answer(kind, items, page.next_cursor)
        following = Paging(cursor=page.next_cursor)
        time.sleep(LOOP_TURN)  # a thousand items take longer than other requests should wait


def _answer(kind: CursorKind, items: list[orjson.Fragment], following: Cursor | None) -> dict[str, Any]:
    answer: dict[str, Any] = {f"{kind}s": items, "count": len(items)}
    if following is not None:
        answer["next_cursor"] = encode_cursor(kind, following)
    return answer


def _place(item: AgentInfo | AgentVersion | Run | Session | StoredKey | WaitingAction) -> Cursor:
    if isinstance(item, AgentInfo):
        return Cursor.of_id(item.id)
    if isinstance(item, AgentVersion):
        return place_of_version(item.version)
    if isinstance(item, WaitingAction):
        return Cursor(item.action.created_at, item.action.id)
    return Cursor(item.created_at if isinstance(item, Run | StoredKey) else item.updated_at, item.id)
