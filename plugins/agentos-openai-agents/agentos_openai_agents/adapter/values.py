"""Values of the SDK as JSON and as text."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter

ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)


def arguments_of(given: Any) -> Any:
    """Return the arguments of a call: an object, or the model's text where that is none."""
    if not isinstance(given, str):
        return given if given is not None else {}
    try:
        value = json.loads(given or "{}")
    except ValueError:
        return given
    return value if isinstance(value, dict) else given


def text_of(value: Any) -> str:
    """Return an output as text: as it is, or as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(part, dict) and "type" in part for part in value):
        # What the Responses API takes as the output of a tool; of images and files, only that there are some.
        return "".join(part.get("text") or f"[{part['type'].removeprefix('input_')}]" for part in value)
    return ANYTHING.dump_json(value, fallback=str).decode()
