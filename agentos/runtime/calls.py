"""Joins the pieces in which tool calls arrive."""

from __future__ import annotations

import re
from typing import Any

from agentos.domain.ids import new_id
from agentos.domain.message import ToolCall
from agentos.errors import ProviderError
from agentos.models.deltas import ToolCallDelta

_ID = re.compile(r"[!-~]{1,128}")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")


class CallAssembler:
    """Collects the tool calls of one turn; ``limit`` bounds their arguments together, in characters."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._ids: dict[int, str] = {}
        self._names: dict[int, str] = {}
        self._arguments: dict[int, list[str]] = {}
        self._details: dict[int, dict[str, Any]] = {}

    def add(self, delta: ToolCallDelta) -> None:
        """Take in a piece; raise :class:`~agentos.errors.ProviderError` when the model does not come to an end."""
        self._size += len(delta.arguments)
        if self._size > self._limit:
            raise ProviderError(f"the model wrote tool calls of more than {self._limit} characters and was stopped")
        pieces = self._arguments.setdefault(delta.index, [])
        if delta.id:
            self._ids.setdefault(delta.index, delta.id)
        if delta.name:
            self._names.setdefault(delta.index, delta.name)
        if delta.arguments:
            pieces.append(delta.arguments)
        if delta.provider_details:
            self._details.setdefault(delta.index, {}).update(delta.provider_details)

    def calls(self) -> list[ToolCall]:
        """Return the whole calls in their order.

        A call without a sane id, or with another one's, gets a new one. A name is cut to what servers accept when they
        are shown the conversation again; one that has to be cut is no tool's name anyway.
        """
        calls: list[ToolCall] = []
        taken: set[str] = set()
        for index in sorted(self._arguments):
            id = self._ids.get(index, "")
            if not _ID.fullmatch(id) or id in taken:
                id = f"call_{new_id()}"
            taken.add(id)
            name = _NOT_IN_NAMES.sub("_", self._names.get(index, ""))[:64]
            calls.append(ToolCall(id, name, "".join(self._arguments[index]), self._details.get(index)))
        return calls
