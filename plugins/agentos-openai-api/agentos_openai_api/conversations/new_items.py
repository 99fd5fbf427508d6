"""Items that a client adds to a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentos import Message
from agentos.web import note_ignored, refuse, shown
from agentos_openai_api.responses.items import Input, read_item

ITEMS = "items"


@dataclass(frozen=True, slots=True)
class NewItems:
    """The messages that items are, and the field of each in the request."""

    messages: Sequence[Message] = ()
    places: Sequence[str] = ()


def read_items(value: Any) -> NewItems:
    """Return what items say: one message each, so that each can be read and removed alone.

    What no conversation keeps is left out, and named in the answer's header: what a system says, for the agent's
    instructions are its own, and reasoning, which only the model's own server may be shown again. Raises
    ``InvalidRequest`` or ``InvalidMedia`` naming what is wrong.
    """
    if value is None:
        return NewItems()
    if not isinstance(value, list):
        refuse(ITEMS, f"is {shown(value)}; accepted is a list of items")
    messages: list[Message] = []
    places: list[str] = []
    for number, item in enumerate(value):
        where = f"{ITEMS}[{number}]"
        if isinstance(item, dict) and item.get("type") == "item_reference":
            refuse(f"{where}.type", "is 'item_reference'; a conversation keeps items themselves, so send the item")
        said = Input()
        read_item(item, where, said)
        if not said.messages:
            note_ignored(where)
        messages += said.messages
        places += [where] * len(said.messages)
    return NewItems(messages, places)
