"""Items that a client names by their ids, in place of sending them again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from agentos.web import refuse
from agentos_openai_api.ids import FUNCTION_CALL, MESSAGE, REASONING
from agentos_openai_api.responses.parts import ResponseRef, last_part
from agentos_openai_api.responses.retrieval import ResponseNotFound, find_response, may_use, read_response

MOST_RUNS = 100
"""Runs of which one request may name items: the log of each is read."""

_ID = re.compile(
    rf"(?:{MESSAGE}|{FUNCTION_CALL}|{REASONING})([0-9a-f]{{8}})([0-9a-f]{{4}})([0-9a-f]{{4}})([0-9a-f]{{4}})([0-9a-f]{{12}})_[0-9a-z]+"
)


class References:
    """Finds output items of the caller's responses by their ids, for one request."""

    def __init__(self) -> None:
        self._runs: dict[str, Mapping[str, Any]] = {}

    def item(self, id: str, where: str) -> Mapping[str, Any]:
        """Return an item. Raises ``InvalidRequest`` naming the field if it is not there."""
        match = _ID.fullmatch(id)
        run_id = "" if match is None else "-".join(match.groups())
        if run_id and run_id not in self._runs:
            if len(self._runs) == MOST_RUNS:
                refuse(where, f"is of one more response; accepted are items of at most {MOST_RUNS}")
            self._runs[run_id] = _items_of(run_id)
        item = self._runs.get(run_id, {}).get(id)
        if item is None:
            refuse(f"{where}.id", f"is {id!r:.150}, and there is no such item; send the item itself")
        found: Mapping[str, Any] = item
        return found


def _items_of(run_id: str) -> Mapping[str, Any]:
    try:
        found = find_response(ResponseRef(run_id).id)
        if not may_use(found.run):
            return {}
        parts = range(last_part(found.handle.actions()) + 1)
        responses = [read_response(find_response(ResponseRef(run_id, part).id)) for part in parts]
    except ResponseNotFound:
        return {}
    plain = orjson.loads(orjson.dumps([item for response in responses for item in response["output"]]))
    return {item["id"]: item for item in plain}
