"""Server-sent events, decoded from bytes as they arrive."""

from __future__ import annotations

import orjson

from agentos.errors import ProviderError

MAX_EVENT_SIZE = 4 * 1024**2

KEEP_ALIVES = frozenset({b"ping", b"pong", b"keepalive", b"keep-alive", b"keep_alive", b"heartbeat"})
"""Events with these names hold nothing to read."""


class EventParser:
    """Takes bytes cut anywhere, gives the ``data`` of each event that is whole (WHATWG HTML, section 9.2).

    Comments, keep-alives and the fields ``id`` and ``retry`` are skipped. An event with the name ``error`` is given as
    ``{"error": …}``, since some servers put the error itself, or plain text, into its data. A line ends with LF or
    CRLF; the lone CR of the specification is not in use by any model server.
    """

    def __init__(self, *, max_size: int = MAX_EVENT_SIZE) -> None:
        self._max_size = max_size
        self._line: list[bytes] = []
        self._data: list[bytes] = []
        self._name = b""
        self._size = 0

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the data of the events that this piece completes.

        Raises :class:`~agentos.errors.ProviderError` for an event that is larger than any sane one.
        """
        self._size += len(piece)
        first, *lines = piece.split(b"\n")
        if not lines:
            self._check_size()
            self._line.append(piece)
            return []
        if self._line:
            self._line.append(first)
            first = b"".join(self._line)
        rest = lines.pop()
        self._line = [rest] if rest else []
        events: list[bytes] = []
        data = self._data
        for line in (first, *lines):
            if line.startswith(b"data:"):
                value = line[6 if line[5:6] == b" " else 5 :].removesuffix(b"\r")
                if data and _begins_another(data[-1], value):
                    self._end(events)
                    self._size = len(value) + len(rest)
                data.append(value)
            elif line in (b"", b"\r"):
                if data:
                    self._end(events)
                self._name = b""
            elif line.startswith(b"event:"):
                self._name = line[6:].strip().lower()
        if data:
            self._check_size()
        else:
            self._size = len(rest)
        return events

    def finish(self) -> list[bytes]:
        """Return the last event of a stream that ended without the empty line behind it."""
        return self.feed(b"\n\n")

    def _end(self, events: list[bytes]) -> None:
        data = self._data
        event = data[0] if len(data) == 1 else b"\n".join(data)
        data.clear()
        if self._name:
            name, self._name = self._name, b""
            if name in KEEP_ALIVES:
                return
            if name == b"error":
                event = _as_error(event)
        if event:
            events.append(event)

    def _check_size(self) -> None:
        if self._size > self._max_size:
            raise ProviderError(f"the model server sent a single event of more than {self._max_size} bytes")


def _begins_another(before: bytes, line: bytes) -> bool:
    """Tell whether a line of data begins an event although no empty line was sent before it.

    No JSON text has a line that ends with ``}`` before a line that begins with ``{``.
    """
    return line.startswith((b"{", b"[DONE]")) and before.rstrip().endswith(b"}")


def _as_error(event: bytes) -> bytes:
    try:
        value = orjson.loads(event)
    except orjson.JSONDecodeError:
        value = event.decode("utf-8", "replace") or "no words"
    if isinstance(value, dict) and value.get("error"):
        return event
    return orjson.dumps({"error": value or "no words"})
