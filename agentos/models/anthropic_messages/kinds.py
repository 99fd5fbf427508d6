"""Which type an event has, also where a server leaves the type out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

KINDS = {"delta": "content_block_delta", "content_block": "content_block_start", "message": "message_start"}
"""The types of events by a field that only they have."""
ERROR_FIELDS = frozenset({"code", "status", "msg", "detail", "base_resp"})
"""Fields of errors without ``error``: no event has them."""


def is_foreign(event: Mapping[str, Any]) -> bool:
    """Return whether what has no type is an error, or an answer of another API."""
    return "choices" in event or not ERROR_FIELDS.isdisjoint(event)


def kind_of(event: Mapping[str, Any]) -> str | None:
    """Return the type of an event that does not say it; ``None`` where it is unknown."""
    if "content" in event:
        return "message"
    if isinstance(delta := event.get("delta"), dict) and "stop_reason" in delta:
        return "message_delta"
    return next((kind for name, kind in KINDS.items() if isinstance(event.get(name), dict)), None)
