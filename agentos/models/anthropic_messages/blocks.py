"""The content blocks of one answer, put together from their pieces."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from agentos.domain.text import join_surrogates
from agentos.errors import ProviderError
from agentos.models.deltas import ToolCallDelta
from agentos.models.wire.arguments import MAX_ARGUMENTS, MAX_CALLS, sendable_object, text_of_piece, unwrapped
from agentos.models.wire.parsing import cleaned, dumps

MAX_KEPT = 1024**2
"""Characters of what one answer may bring for its server to see again; more is left out."""
CALL_FIELDS = frozenset({"type", "id", "name", "input", "index", "cache_control"})


@dataclass(slots=True, eq=False)
class Block:
    """A block: what it began with, and the pieces of its text, its thinking, or its input."""

    kind: str
    start: dict[str, Any]
    pieces: list[str] = field(default_factory=list)
    signature: str = ""
    closed: bool = False

    def text(self) -> str:
        """Return its text or its thinking."""
        return join_surrogates("".join(self.pieces))

    def arguments(self, *, whole: bool) -> str:
        """Return the input as JSON text; ``whole`` says that the answer was not cut."""
        text = "".join(self.pieces)
        if not text.strip() and (self.start.get("input") or whole or self.closed):
            text = text_of_piece(self.start.get("input")) or "{}"
        return unwrapped(join_surrogates(text))

    def sent_back(self) -> dict[str, Any]:
        """Return the block as its server gave it."""
        found = {name: cleaned(value) for name, value in self.start.items() if name != "cache_control"}
        if self.kind == "text":
            return {"type": "text", "text": self.text()}
        if self.kind == "thinking":
            return {**found, "thinking": self.text(), "signature": self.signature}
        if self.pieces or "input" in found:
            found["input"] = sendable_object(self.arguments(whole=True))
        return found


class Blocks:
    """The blocks of an answer in their order, also of one that took several requests."""

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._open: dict[Any, Block] = {}
        self._size = 0
        self._kept = 0

    def __len__(self) -> int:
        return len(self._blocks)

    def begin(self, index: Any, start: dict[str, Any]) -> Block:
        """Begin a block. One that is open under the same number is over: some servers do not say so."""
        if len(self._blocks) >= MAX_CALLS:
            raise ProviderError(f"the model server sent more than {MAX_CALLS} content blocks in one answer")
        self.close(index)
        kind = str(start.get("type"))
        block = Block(kind, {name: value for name, value in start.items() if name not in ("thinking", "signature")})
        if kind not in ("text", "tool_use"):
            self.keep(len(dumps(start)))
            block.start = block.start if self.fits else {"type": kind}
        self._blocks.append(block)
        self._open[index] = block
        return block

    def at(self, index: Any, kinds: tuple[str, ...]) -> Block | None:
        """Return the block that a piece belongs to: the one with its number, or the last, if it is of these kinds."""
        block = self._open.get(index)
        if block is not None and block.kind in kinds:
            return block
        last = self._blocks[-1] if self._blocks else None
        return last if last is not None and last.kind in kinds and not last.closed else None

    def close(self, index: Any) -> None:
        """End a block."""
        block = self._open.pop(index, None)
        if block is not None:
            block.closed = True

    def pause(self) -> None:
        """End an answer that goes on with another request, which numbers its blocks anew."""
        self._open.clear()

    def add_input(self, block: Block, piece: str) -> None:
        """Add a piece of a call's input."""
        self._size += len(piece)
        if self._size > MAX_ARGUMENTS:
            raise ProviderError(f"the model server sent tool calls of more than {MAX_ARGUMENTS} characters")
        block.pieces.append(piece)

    def keep(self, size: int) -> None:
        """Count what is kept for the server to see again."""
        self._kept += size

    def sent_back(self) -> list[dict[str, Any]]:
        """Return all blocks as the server gave them, but for text without words, which it would refuse."""
        blocks = [block.sent_back() for block in self._blocks]
        return [block for block in blocks if block["type"] != "text" or block["text"].strip()]

    @property
    def has_text(self) -> bool:
        """There is text."""
        return any(block.kind == "text" and block.pieces for block in self._blocks)

    @property
    def fits(self) -> bool:
        """What is kept is of a bounded size."""
        return self._kept <= MAX_KEPT

    def details(self) -> list[dict[str, Any]]:
        """Return what is kept with the message (see :mod:`agentos.models.anthropic_messages.details`)."""
        if all(block.kind in ("text", "tool_use") for block in self._blocks):
            return []
        found: list[dict[str, Any]] = []
        for block in self._blocks:
            if block.kind == "text":
                found.append({"type": "text", "length": len(block.text())})
            elif block.kind == "tool_use":
                found.append({"type": "tool_use"})
            else:
                found.append(block.sent_back())
        return found

    def calls(self, *, whole: bool) -> list[ToolCallDelta]:
        """Return the calls of the client's tools, each in one piece."""
        found: list[ToolCallDelta] = []
        for block in self._blocks:
            if block.kind != "tool_use":
                continue
            id, name = block.start.get("id"), block.start.get("name")
            details = {name: cleaned(value) for name, value in block.start.items() if name not in CALL_FIELDS and value}
            found.append(
                ToolCallDelta(
                    index=len(found),
                    id=id if isinstance(id, str) and id else None,
                    name=join_surrogates(name) if isinstance(name, str) and name else None,
                    arguments=block.arguments(whole=whole),
                    provider_details=details or None,
                )
            )
        return found
