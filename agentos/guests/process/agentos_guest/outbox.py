"""Sends the events of one run, several in a frame where they come together."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agentos_guest.connection import Connection
from agentos_guest.errors import Failed
from agentos_guest.events import Event, ModelCall, Reasoning, ToolCall, Usage
from agentos_guest.wire import TooLarge, is_json

MOST_EVENTS = 64
"""Events after which a frame is sent although the loop has not had a turn: an agent may never wait."""

Item = Any
"""An event as it is sent: a ``str`` or a JSON object."""


class Outbox:
    """Keeps the order of what the run yields and emits. What came before the loop's next turn goes in one frame."""

    def __init__(self, connection: Connection, loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self._loop = loop
        self._thread = threading.get_ident()
        self._items: list[Item] = []
        self._scheduled = False
        self._failure: Failed | None = None
        self.sent = 0
        """Events that were put so far."""

    def put(self, event: Event) -> bool:
        """Add an event; return whether the agent should give way now, with :meth:`give_way`. In the loop's thread.

        Raises :class:`~agentos_guest.Failed` once an event was too large for a frame.
        """
        if self._failure is not None:
            raise self._failure
        self._add(event if type(event) is str else _item(event))
        return self.sent % MOST_EVENTS == 0

    async def give_way(self) -> None:
        """Give the loop a turn, and wait while the worker does not read."""
        await asyncio.sleep(0)
        await self._connection.drain()

    def emit(self, name: str, data: Any = None) -> None:
        """Add a ``custom`` event, from any thread. Raises ``TypeError`` for what is no JSON."""
        if not is_json(data):
            raise TypeError(f"the data of the event {name!r} is {type(data).__name__}; accepted is JSON")
        self._add_from_anywhere({"type": "custom", "name": name, "data": data})

    def set_state(self, patch: Sequence[Mapping[str, Any]]) -> None:
        """Add a change of the session's state, from any thread. Raises ``TypeError`` for what is no JSON."""
        operations = [dict(operation) for operation in patch]
        if not is_json(operations):
            raise TypeError("the patch of the state is no JSON")
        self._add_from_anywhere({"type": "state", "patch": operations})

    def finish(self) -> None:
        """Send what waits. Raises :class:`~agentos_guest.Failed` if an event was too large for a frame."""
        self.flush()
        if self._failure is not None:
            raise self._failure

    def flush(self) -> None:
        """Send what waits."""
        items, self._items = self._items, []
        self._scheduled = False
        if items:
            self._send(items)

    def _add(self, item: Item) -> None:
        self._items.append(item)
        self.sent += 1
        if len(self._items) >= MOST_EVENTS:
            self.flush()
        elif not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self.flush)

    def _add_from_anywhere(self, item: Item) -> None:
        if threading.get_ident() == self._thread:
            self._add(item)
        else:
            self._loop.call_soon_threadsafe(self._add, item)

    def _send(self, items: list[Item]) -> None:
        try:
            self._connection.send({"kind": "events", "events": items})
        except TooLarge as error:
            if len(items) == 1:
                self._failure = Failed(f"an event of the run is too large: {error}")
                return
            half = len(items) // 2
            self._send(items[:half])
            self._send(items[half:])


def _item(event: Event) -> Item:
    convert = _ITEMS.get(type(event))
    if convert is None:
        if isinstance(event, str):  # a subclass
            return str(event)
        raise TypeError(
            f"the agent yielded a {type(event).__name__}; accepted are str, Reasoning, ToolCall, Usage and ModelCall"
        )
    return convert(event)


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt": usage.prompt,
        "completion": usage.completion,
        "reasoning": usage.reasoning,
        "cached": usage.cached,
    }


_ITEMS: dict[type, Callable[[Any], dict[str, Any]]] = {
    Reasoning: lambda event: {"type": "reasoning", "content": event.content},
    ToolCall: lambda event: {"type": "tool_call", **vars(event)},
    Usage: lambda event: {"type": "usage", **_usage(event)},
    ModelCall: lambda event: {
        "type": "model_call",
        **vars(event),
        "usage": None if event.usage is None else _usage(event.usage),
        "calls": [vars(call) for call in event.calls],
    },
}
