"""Server-sent events, decoded from bytes as they arrive."""

from __future__ import annotations

from agentos.errors import ProviderError

MAX_EVENT_SIZE = 4 * 1024**2


class EventParser:
    """Takes bytes cut anywhere, gives the ``data`` of each event that is whole (WHATWG HTML, section 9.2).

    Comments and the fields ``event``, ``id`` and ``retry`` are skipped. A line ends with LF or CRLF; the lone CR of the
    specification is not in use by any model server.
    """

    def __init__(self, *, max_size: int = MAX_EVENT_SIZE) -> None:
        self._max_size = max_size
        self._line: list[bytes] = []
        self._data: list[bytes] = []
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
                data.append(line[6 if line[5:6] == b" " else 5 :].removesuffix(b"\r"))
            elif data and line in (b"", b"\r"):
                if event := data[0] if len(data) == 1 else b"\n".join(data):
                    events.append(event)
                data.clear()
        if data:
            self._check_size()
        else:
            self._size = len(rest)
        return events

    def finish(self) -> list[bytes]:
        """Return the last event of a stream that ended without the empty line behind it."""
        return self.feed(b"\n\n")

    def _check_size(self) -> None:
        if self._size > self._max_size:
            raise ProviderError(f"the model server sent a single event of more than {self._max_size} bytes")
