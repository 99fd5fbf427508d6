"""A run's events as a ``text/event-stream`` (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

from agentos.domain.event import EVENT_TYPES, Error, Frame

HEARTBEAT = b": heartbeat\n\n"

RETRY = b"retry: 1000\n\n"
"""Tells an ``EventSource`` to wait a second before it comes back; left alone, browsers wait three to five."""

HEADERS: Mapping[str, str] = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",  # nginx would hold the frames back
}

_TYPES = {type: type.encode() for type in EVENT_TYPES}

# A frame's data is one line for every reader: JSON leaves these three as they are, and some split lines at them.
_SEPARATORS = tuple((character.encode(), f"\\u{ord(character):04x}".encode()) for character in "\x85\u2028\u2029")


def stream_frames(
    batches: Iterable[Sequence[Frame]], *, types: Set[str], heartbeat: float, retry: bool = False
) -> Iterator[bytes]:
    """Yield a run's frames as they come, those that are there together in one piece, until its last.

    ``batches`` has an empty one whenever ``heartbeat`` seconds were silent. ``types`` filters, empty means all;
    ``error`` always passes. After ``heartbeat`` seconds without a frame that passes, a comment line is yielded. Holds
    nothing of the request that asked for it.
    """
    if retry:
        yield RETRY  # also has the headers leave at once, however long the run is silent
    wanted = types | {Error.type} if types else None
    spoke = time.monotonic()
    for batch in batches:
        passing = batch if wanted is None else [frame for frame in batch if frame.type in wanted]
        if passing:
            spoke = time.monotonic()
            yield encode_frames(passing)
        elif not batch or time.monotonic() - spoke >= heartbeat:
            spoke = time.monotonic()
            yield HEARTBEAT


def encode_frames(frames: Sequence[Frame]) -> bytes:
    """Return frames as the bytes that are sent."""
    block = b"".join(
        [b"id: %d\nevent: %b\ndata: %b\n\n" % (number, _TYPES[type], data) for number, type, data in frames]
    )
    if not block.isascii():
        for separator, escaped in _SEPARATORS:
            block = block.replace(separator, escaped)
    return block
