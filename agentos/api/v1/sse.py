"""A run's events as our own ``text/event-stream`` (WHATWG HTML, section 9.2)."""

from __future__ import annotations

from collections.abc import Sequence, Set

from agentos.api.kit.sse import SSE_HEARTBEAT, SSE_MEDIA_TYPE, one_line
from agentos.domain.event import EVENT_TYPES, Complete, Error, Frame, Paused, Resumed
from agentos.events.projection import Projection

RETRY = b"retry: 1000\n\n"
"""Tells an ``EventSource`` to wait a second before it comes back; left alone, browsers wait three to five."""

_EVENT = b"id: %d\nevent: %b\ndata: %b\n\n"
_TYPES = {type: type.encode() for type in EVENT_TYPES}

ALWAYS = frozenset({Complete.type, Error.type, Paused.type, Resumed.type})
"""The events that no filter hides: without them, a client could not know whether the run continues."""


class SSEProjection(Projection):
    """Renders each frame as an event. ``types`` filters, empty means all; :data:`ALWAYS` passes.

    With ``retry``, the stream says how soon browsers come back. The headers then leave at once,
    also while the run is silent.
    """

    media_type = SSE_MEDIA_TYPE

    def __init__(self, types: Set[str] = frozenset(), *, retry: bool = False) -> None:
        self.opening = RETRY if retry else b""
        self._wanted = types | ALWAYS if types else None

    def render(self, frames: Sequence[Frame]) -> bytes:
        """Return the frames that pass the filter."""
        if self._wanted is not None:
            frames = [frame for frame in frames if frame.type in self._wanted]
        if len(frames) == 1:  # nearly always, so it is worth a quicker way
            number, type, data = frames[0]
            block = _EVENT % (number, _TYPES[type], data)
        else:
            block = b"".join([_EVENT % (number, _TYPES[type], data) for number, type, data in frames])
        return block if block.isascii() else one_line(block)

    def heartbeat(self) -> bytes:
        """Return a comment line."""
        return SSE_HEARTBEAT
