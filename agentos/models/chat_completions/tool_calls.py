"""Tool calls put together from their pieces, in the ways that servers number and name them."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from agentos.domain.text import join_surrogates
from agentos.errors import ProviderError
from agentos.models.deltas import ToolCallDelta
from agentos.models.wire.arguments import MAX_ARGUMENTS, MAX_CALLS, object_of, text_of_piece, unwrapped
from agentos.models.wire.parsing import cleaned, dumps

logger = logging.getLogger(__name__)

MAX_DETAILS = 1024**2
MAX_LOOKS = 64  # how often the arguments of a call are parsed to see whether they are whole
NO_WORDS = frozenset({"", "null", "None", "none", "undefined"})
DETAILS = ("extra_content", "provider_specific_fields", "thought_signature")
"""Fields that servers want to see again with the call: Gemini's signature, also as LiteLLM passes it on."""


@dataclass(slots=True, eq=False)
class _Call:
    id: str | None = None
    name: str | None = None
    pieces: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    looks: int = 0
    whole: Any = None
    """The arguments, once they were seen to be a whole object."""

    def is_whole(self) -> bool:
        """Tell whether the arguments are a JSON object from its beginning to its end."""
        if self.whole is None and self.pieces and self.pieces[-1].rstrip().endswith("}") and self.looks < MAX_LOOKS:
            self.looks += 1
            self.whole = object_of("".join(self.pieces))
        return self.whole is not None


class ToolCalls:
    """The tool calls of one answer.

    OpenAI numbers its pieces by ``index`` and gives ``id`` and name once. Others leave the index out, give every call
    the index 0 or all of them one id, repeat id or name in every piece, send the name in pieces, make up a new id for
    each piece, begin the arguments with ``{}``, or send a whole call again at the end. ``names`` are those of the tools
    that were offered: they tell the piece of a name from another name.
    """

    def __init__(self, names: Collection[str] = ()) -> None:
        self._names = names
        self._calls: list[_Call] = []
        self._by_id: dict[str, _Call] = {}
        self._by_index: dict[int, _Call] = {}
        self._shared: set[str] = set()
        self._size = 0

    def __len__(self) -> int:
        return len(self._calls)

    def read(self, piece: dict[str, Any]) -> None:
        """Take in a piece of a call, or a whole one. Raises ``AttributeError`` or ``TypeError`` for what is neither."""
        function = piece.get("function") or piece
        id, name, index = _word(piece.get("id")), _word(function.get("name")), _number(piece.get("index"))
        arguments = text_of_piece(function.get("arguments"))
        call = self._find(id, name, index, arguments) or self._begin(id)
        if id is not None:
            call.id = call.id or id
            self._by_id[id] = call
        if index is not None:
            self._by_index[index] = call
        self._add_name(call, name)
        self._add_arguments(call, arguments)
        for key in DETAILS:
            if piece.get(key):
                call.details[key] = piece[key]

    def read_again(self, pieces: list[dict[str, Any]]) -> None:
        """Take in the calls of a whole message behind its pieces: only what the pieces did not have."""
        if not self._calls:
            for piece in pieces:
                self.read(piece)
            return
        for call, piece in zip(self._calls, pieces, strict=False):
            if not call.pieces:
                self._add_arguments(call, text_of_piece((piece.get("function") or piece).get("arguments")))
            call.details = {key: piece[key] for key in DETAILS if piece.get(key)} | call.details

    def deltas(self) -> list[ToolCallDelta]:
        """Return the calls, each in one piece. An id that two calls share is left out; arguments are as they came."""
        found: list[ToolCallDelta] = []
        taken: set[str] = set()
        if sum(len(dumps(call.details)) for call in self._calls if call.details) > MAX_DETAILS:
            logger.warning("fields that the model server wants to see again with its calls are left out: too large")
            for call in self._calls:
                call.details = {}
        for call in self._calls:
            if call.name is None and not call.pieces:
                continue
            id = None if call.id in taken else call.id
            taken |= {id} if id else set()
            found.append(
                ToolCallDelta(
                    index=len(found),
                    id=id,
                    name=None if call.name is None else join_surrogates(call.name),
                    arguments=unwrapped(join_surrogates("".join(call.pieces))),
                    provider_details=cleaned(call.details) or None,
                )
            )
        return found

    def _find(self, id: str | None, name: str | None, index: int | None, arguments: str) -> _Call | None:
        """Find the call that a piece belongs to, or return None for a new one."""
        same = self._by_id.get(id) if id is not None and id not in self._shared else None
        at = self._by_index.get(index) if index is not None else None
        last = self._calls[-1] if self._calls else None
        if same is not None:
            if index is not None and at is None and name is not None:
                return same if self._is_repeated(same, name, arguments) else None
            return same if self._continues(same, id, name, arguments) else None
        if at is not None:
            return at if self._continues(at, id, name, arguments) else None
        if last is None:
            return None
        if index is None:
            if name is None:
                # Another id begins another call, unless each piece of one call has an id of its own.
                ends = id is not None and last.id is not None and (last.is_whole() or not last.pieces)
                return None if ends else last
            return last if self._continues(last, id, name, arguments, numbered=False) else None
        # Arguments alone, under an index that no call has: some servers count calls and arguments apart.
        return last if id is None and name is None and not last.pieces else None

    def _continues(
        self, call: _Call, id: str | None, name: str | None, arguments: str, *, numbered: bool = True
    ) -> bool:
        """Tell whether a piece under the number of a call belongs to it; if not, it begins another."""
        if name is None or call.name is None:
            return True
        if id is not None and call.id is not None and id != call.id:
            # With a new id in each piece of one call, the name is the same, and the arguments have begun.
            return name == call.name and bool(call.pieces) and not call.is_whole()
        if not call.pieces:
            return self._belongs(call.name, name) and (numbered or name != call.name or bool(arguments))
        if call.is_whole():
            again = not arguments or call.whole == object_of(arguments)
            return name == call.name and again and (numbered or (id is not None and id == call.id))
        return name == call.name

    def _is_repeated(self, call: _Call, name: str, arguments: str) -> bool:
        """Tell whether a named piece under another index is the call with the same id, and not one that shares it."""
        if name != call.name or not arguments:
            return False
        return not call.pieces or (call.is_whole() and call.whole == object_of(arguments))

    def _belongs(self, begun: str, name: str) -> bool:
        """Tell whether a name that follows another one repeats it or is its next piece."""
        if name == begun or any(known.startswith(begun + name) for known in self._names):
            return True
        return name.startswith(begun) if name in self._names and begun not in self._names else name not in self._names

    def _begin(self, id: str | None) -> _Call:
        if len(self._calls) >= MAX_CALLS:
            raise ProviderError(f"the model server sent more than {MAX_CALLS} tool calls in one answer")
        if id is not None and id in self._by_id:
            self._shared.add(id)
        call = _Call()
        self._calls.append(call)
        return call

    def _add_name(self, call: _Call, name: str | None) -> None:
        if name is None or name == call.name or (call.name is not None and call.pieces):
            return
        grown = (call.name or "") + name
        repeats = call.name is not None and name.startswith(call.name) and grown not in self._names
        call.name = name if repeats else grown

    def _add_arguments(self, call: _Call, arguments: str) -> None:
        if not arguments:
            return
        if arguments.lstrip().startswith(("{", '"{')) and call.is_whole():
            # Nothing can follow a whole object but itself, sent again. An empty one is a beginning without content.
            if call.whole == object_of(arguments):
                return
            if not call.whole:
                call.pieces, call.whole = [], None
        call.whole = None
        self._size += len(arguments)
        if self._size > MAX_ARGUMENTS:
            raise ProviderError(f"the model server sent tool calls of more than {MAX_ARGUMENTS} characters")
        call.pieces.append(arguments)


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value not in NO_WORDS else None


def _number(value: Any) -> int | None:
    if isinstance(value, str) and value.isdecimal() and len(value) < 10:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
