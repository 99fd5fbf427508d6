"""The events of a response, encoded, and the items that they are about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from agentos_openai_api.ids import MESSAGE, REASONING
from agentos_openai_api.responses import forms

PREFIXES = {"message": MESSAGE, "reasoning": REASONING}
DELTAS = {"message": "response.output_text.delta", "reasoning": "response.reasoning_text.delta"}
DONES = {"message": "response.output_text.done", "reasoning": "response.reasoning_text.done"}


class Event(NamedTuple):
    """An event without its number: ``fields`` are those of its JSON object, encoded, without the braces."""

    type: str
    fields: bytes


@dataclass(slots=True)
class Writing:
    """An item that is being said. ``delta`` is what the events of all its pieces begin with, behind their type."""

    kind: str
    id: str
    turn: int
    delta: bytes
    pieces: list[bytes] = field(default_factory=list)
    delta_event: bytes = field(init=False)
    """What the whole events of its pieces begin with, as they are sent."""

    def __post_init__(self) -> None:
        self.delta_event = event_head(DELTAS[self.kind]) + self.delta

    @property
    def text(self) -> orjson.Fragment:
        """All that was said, as JSON."""
        return orjson.Fragment(b'"%b"' % b"".join(self.pieces))


def event_head(type: str) -> bytes:
    """Return what an event of a type begins with when it is sent; its fields follow."""
    name = type.encode()
    return b'event: %b\ndata: {"type":"%b",' % (name, name)


def event(type: str, **fields: Any) -> Event:
    """Return an event with these fields."""
    return Event(type, orjson.dumps(fields)[1:-1])


def add(writing: Writing, piece: bytes) -> Event:
    """Add a piece, as JSON without its quotes, to what is being said; return the event of it."""
    writing.pieces.append(piece)
    return Event(DELTAS[writing.kind], b'%b%b"' % (writing.delta, piece))


def item_of(kind: str, id: str, text: Any, *, status: str) -> dict[str, Any]:
    """Return what is said or thought as an item."""
    make = forms.message_item if kind == "message" else forms.reasoning_item
    return make(id, text, status=status)


def part_of(kind: str, text: Any) -> dict[str, Any]:
    """Return the one part of such an item."""
    return forms.output_text(text) if kind == "message" else {"type": "reasoning_text", "text": text}
