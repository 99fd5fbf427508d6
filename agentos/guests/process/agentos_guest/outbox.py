"""Sends the events of one run, several in a frame where they come together."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from agentos_guest.connection import Connection
from agentos_guest.events import Event
from agentos_guest.items import custom_item, event_item, state_item
from agentos_guest.threads import in_order

MOST_EVENTS = 64
"""Events after which a frame is sent although the loop has not had a turn: an agent may never wait."""

MOST_BYTES = 1024**2
"""Bytes after which a frame is sent, so that large events together are no frame that is too large."""


class Outbox:
    """Keeps the order of what the run yields and emits. What came before the loop's next turn goes in one frame."""

    def __init__(self, connection: Connection, loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self._loop = loop
        self._thread = threading.get_ident()
        self._items: list[bytes] = []
        self._size = 0
        self._scheduled = False
        self._since = 0
        """Events since the loop had a turn, as far as the agent gave way to it."""
        self.sent = 0
        """Events that were put so far."""

    def put(self, event: Event) -> bool:
        """Add an event; return whether the agent should give way now, with :meth:`give_way`. In the loop's thread.

        Raises as :func:`~agentos_guest.items.event_item` does.
        """
        self._add(event_item(event))
        return self._since >= MOST_EVENTS

    async def give_way(self) -> None:
        """Give the loop a turn, and wait while the worker does not read."""
        self._since = 0
        await asyncio.sleep(0)
        await self._connection.drain()

    def emit(self, name: str, data: Any = None) -> None:
        """Add a ``custom`` event, from any thread. Raises as :func:`~agentos_guest.items.custom_item` does."""
        self._add_from_anywhere(custom_item(name, data))

    def set_state(self, patch: Sequence[Mapping[str, Any]]) -> None:
        """Add a change of the session's state, from any thread.

        Raises as :func:`~agentos_guest.items.state_item` does.
        """
        self._add_from_anywhere(state_item(patch))

    def flush(self) -> None:
        """Send what waits."""
        items, self._items, self._size = self._items, [], 0
        self._scheduled = False
        if items:
            self._connection.send_json(b'{"kind":"events","events":[%b]}' % b",".join(items))

    def _add(self, item: bytes) -> None:
        if self._size and self._size + len(item) > MOST_BYTES:
            self.flush()
        self._items.append(item)
        self._size += len(item)
        self.sent += 1
        self._since += 1
        if len(self._items) >= MOST_EVENTS:
            self.flush()
        elif not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self.flush)

    def _add_from_anywhere(self, item: bytes) -> None:
        if threading.get_ident() == self._thread:
            self._add(item)
        elif not in_order(lambda: self._add(item)):
            self._loop.call_soon_threadsafe(self._add, item)
