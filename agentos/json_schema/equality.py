"""When two JSON values are the same: 1 and 1.0 are, 1 and true are not."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from agentos.json_schema.work import Work


def key_of(value: Any, work: Work) -> Hashable:
    """Return what equal JSON values have in common and different ones have not."""
    work.spend()
    if isinstance(value, bool) or value is None:
        return (type(value).__name__, value)
    if isinstance(value, list | tuple):
        return ("array", tuple(key_of(item, work) for item in value))
    if isinstance(value, Mapping):
        return ("object", frozenset((name, key_of(item, work)) for name, item in value.items()))
    return value  # type: ignore[no-any-return]  # texts and numbers
