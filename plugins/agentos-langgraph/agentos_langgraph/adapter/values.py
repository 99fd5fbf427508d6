"""Values of Python as JSON that clients read. For what has to come back, see :mod:`.frozen`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from typing import Any


def json_value(value: Any) -> Any:
    """Return the value as JSON; what has no such form is its text."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else str(value)  # JSON has no NaN and no infinity.
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, Sequence | Set) and not isinstance(value, bytes | bytearray):
        return [json_value(item) for item in value]
    if hasattr(type(value), "model_fields"):
        return {name: json_value(getattr(value, name)) for name in type(value).model_fields}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: json_value(getattr(value, field.name)) for field in fields(value)}
    return str(value)


def json_text(value: Any) -> str:
    """Return the value as a text of JSON; a text stays as it is."""
    return value if isinstance(value, str) else json.dumps(json_value(value), ensure_ascii=False)
