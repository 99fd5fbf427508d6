"""What a run says, as the JSON of one item of an ``events`` frame.

It is made when the agent says it: what the agent changes afterwards does not change it, and what is refused is refused
in the agent's own call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agentos_guest.errors import Failed
from agentos_guest.events import Event, ModelCall, Reasoning, ToolCall, Usage
from agentos_guest.wire import LARGEST, dumps, has_large_integer, is_json, plain

_LARGEST_ITEM = LARGEST - 1024
"""Bytes of one item: the frame around it takes some."""


def event_item(event: Event) -> bytes:
    """Return the item of an event. What is no JSON, which a framework may put into arguments, becomes text.

    Raises ``TypeError`` for what is no event, :class:`~agentos_guest.Failed` for one that is too large, and what the
    code of a value raises that is made text.
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
    fields = vars(event)
    if is_json(event.arguments) and has_large_integer(event.arguments):
        fields = {**fields, "arguments": plain(event.arguments)}
    return {"type": "tool_call", **fields}


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt": usage.prompt,
        "completion": usage.completion,
        "reasoning": usage.reasoning,
        "cached": usage.cached,
    }


_ITEMS: dict[type, Callable[[Any], dict[str, Any]]] = {
    Reasoning: lambda event: {"type": "reasoning", "content": event.content},
    ToolCall: _tool_call,
    Usage: lambda event: {"type": "usage", **_usage(event)},
    ModelCall: lambda event: {
        "type": "model_call",
        **vars(event),
        "usage": None if event.usage is None else _usage(event.usage),
        "calls": [vars(call) for call in event.calls],
    },
}
