"""What a run says, as the JSON of one item of an ``events`` frame.

It is made when the agent says it: what the agent changes afterwards does not change it, and what is refused is refused
in the agent's own call.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agentos_guest.errors import Failed
from agentos_guest.events import Event, ModelCall, Reasoning, ToolCall, Usage
from agentos_guest.wire import LARGEST, dumps, has_large_integer, is_json, plain

_LARGEST_ITEM = LARGEST - 1024
"""Bytes of one item: the frame around it takes some."""


def event_item(event: Event) -> bytes:
    """Return the item of an event. What is no JSON, which a framework may put into arguments, becomes text.

    Raises ``TypeError`` or ``ValueError`` for what is no event, or one with fields of another type,
    :class:`~agentos_guest.Failed` for one that is too large, and what the code of a value raises that is made text.
    """
    if type(event) is str:  # nearly always
        return _checked(dumps(event))
    convert = _ITEMS.get(type(event))
    if convert is not None:
        return _checked(dumps(convert(event)))
    if isinstance(event, str):
        return _checked(dumps(str(event)))
    raise TypeError(
        f"the agent yielded a {type(event).__name__}; accepted are str, Reasoning, ToolCall, Usage and ModelCall"
    )


def custom_item(name: str, data: Any) -> bytes:
    """Return the item of a ``custom`` event. Raises ``TypeError`` for what is no JSON, and ``Failed``."""
    what = f"the data of the event {name!r}"
    if not is_json(data):
        raise TypeError(f"{what} is {type(data).__name__}; accepted is JSON")
    _check_integers(what, data)
    return _checked(dumps({"type": "custom", "name": name, "data": data}))


def state_item(patch: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the item of a change of the session's state. Raises ``TypeError`` for what is no JSON, and ``Failed``."""
    operations = [dict(operation) for operation in patch]
    if not is_json(operations):
        raise TypeError("the patch of the state is no JSON")
    _check_integers("the patch of the state", operations)
    return _checked(dumps({"type": "state", "patch": operations}))


def _checked(item: bytes) -> bytes:
    if len(item) > _LARGEST_ITEM:
        raise Failed(f"an event of the run is too large: {len(item)} bytes; accepted are at most {_LARGEST_ITEM}")
    return item


def _check_integers(what: str, value: Any) -> None:
    # JSON has integers of any size, but most programs that read it would make floats of them.
    if has_large_integer(value):
        raise ValueError(f"{what} is not accepted: it has an integer beyond 64 bits")


def _tool_call(event: ToolCall) -> dict[str, Any]:
    arguments = event.arguments
    if is_json(arguments) and has_large_integer(arguments):
        arguments = plain(arguments)
    if event.status not in _STATUSES:
        raise ValueError(f"the status of a ToolCall is {event.status!r:.40}; accepted are {', '.join(_STATUSES)}")
    return {
        "type": "tool_call",
        "id": _text("id of a ToolCall", event.id),
        "name": _text("name of a ToolCall", event.name),
        "arguments": arguments,
        "status": event.status,
        "result": _as_text(event.result),
        "error": _as_text(event.error),
        "duration": _seconds("duration of a ToolCall", event.duration),
    }


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt": _count("prompt", usage.prompt) or 0,
        "completion": _count("completion", usage.completion) or 0,
        "reasoning": _count("reasoning", usage.reasoning) or 0,
        "cached": _count("cached", usage.cached),
    }


def _model_call(event: ModelCall) -> dict[str, Any]:
    return {
        "type": "model_call",
        "model": _text("model of a ModelCall", event.model),
        "duration": _seconds("duration of a ModelCall", event.duration),
        "time_to_first_token": _seconds("time_to_first_token of a ModelCall", event.time_to_first_token),
        "finish_reason": _as_text(event.finish_reason),
        "usage": None if event.usage is None else _usage(event.usage),
        "calls": [
            {
                "id": _text("id of a Call", call.id),
                "name": _text("name of a Call", call.name),
                "arguments": _as_text(call.arguments) or "",
            }
            for call in event.calls
        ],
    }


def _text(what: str, value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"the {what} is a {type(value).__name__}; accepted is a text")
    return value


def _as_text(value: Any) -> str | None:
    """Return a text as it is, and of anything else its JSON: what a model reads of it."""
    if value is None or isinstance(value, str):
        return value
    # A result of bytes or of a class of the framework is no JSON but text.
    nearest = value if is_json(value) else plain(value)
    return nearest if isinstance(nearest, str) else dumps(nearest).decode()


def _count(what: str, value: object) -> int | None:
    if value is None or (isinstance(value, (int, float)) and math.isfinite(value)):
        return None if value is None else int(value)
    raise TypeError(f"the {what} tokens of a Usage are a {type(value).__name__}; accepted is a number")


def _seconds(what: str, value: object) -> float | None:
    if value is None or isinstance(value, (int, float)):
        return value if value is not None and math.isfinite(value) else None
    raise TypeError(f"the {what} is a {type(value).__name__}; accepted is a number of seconds")


_STATUSES = ("started", "completed", "failed")

_ITEMS: dict[type, Callable[[Any], dict[str, Any]]] = {
    Reasoning: lambda event: {"type": "reasoning", "content": _text("content of a Reasoning", event.content)},
    ToolCall: _tool_call,
    Usage: lambda event: {"type": "usage", **_usage(event)},
    ModelCall: _model_call,
}
