"""Telling parallel tool calls apart, in the ways that servers number them."""

from __future__ import annotations

from typing import Any

import orjson

from agentos.errors import ProviderError
from agentos.models.deltas import ToolCallDelta

MAX_CALLS = 1024


class _Call:
    __slots__ = ("id", "name", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.id: str | None = None
        self.name: str | None = None


class ToolCalls:
    """The tool calls of one answer so far.

    OpenAI numbers its pieces by ``index`` and gives ``id`` and name once. Others leave the index out, give every whole
    call the index 0, repeat the id or the name in every piece, or make up a new id for each.
    """

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_id: dict[str, _Call] = {}
        self._by_index: dict[int, _Call] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def read(self, piece: dict[str, Any]) -> ToolCallDelta:
        """Return a piece with the number of its call; id and name only where they are new."""
        function = piece.get("function") or {}
        id, name = _word(piece.get("id")), _word(function.get("name"))
        index = piece.get("index")
        call = self._find(id, name, index if isinstance(index, int) else None)
        given = ToolCallDelta(
            index=call.number,
            id=id if call.id is None else None,
            name=name if call.name is None else None,
            arguments=_arguments(function.get("arguments")),
        )
        call.id = call.id or id
        call.name = call.name or name
        if id is not None:
            self._by_id[id] = call
        if isinstance(index, int):
            self._by_index[index] = call
        return given

    def _find(self, id: str | None, name: str | None, index: int | None) -> _Call:
        """Find the call that a piece belongs to, or begin a new one."""
        if id is not None and id in self._by_id:
            return self._by_id[id]
        if index is None:
            last = self._calls[-1] if self._calls else None
            # Without any number, a name begins a call; so does an id, once the call before has one.
            if last is None or name is not None or (id is not None and last.id is not None):
                return self._begin()
            return last
        known = self._by_index.get(index)
        if known is None or (name is not None and id is not None and known.id is not None):
            return self._begin()
        return known

    def _begin(self) -> _Call:
        if len(self._calls) >= MAX_CALLS:
            raise ProviderError(f"the model server sent more than {MAX_CALLS} tool calls in one answer")
        call = _Call(len(self._calls))
        self._calls.append(call)
        return call


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _arguments(value: Any) -> str:
    """Return a piece of JSON text; some servers send the arguments as the object itself."""
    if isinstance(value, str):
        return value
    return "" if value is None else orjson.dumps(value).decode()
