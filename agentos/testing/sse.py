"""Reads server-sent events from a stream of bytes, as a browser does (WHATWG HTML, section 9.2.6)."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event. ``id`` is the last one that the stream gave; ``type`` is ``message`` where none was given."""

    data: str
    type: str = "message"
    id: str | None = None

    def json(self) -> Any:
        """Return the data as JSON."""
        return json.loads(self.data)


class SSEReader:
    r"""Turns pieces of bytes, cut anywhere, into events; keeps the comments that it met.

    >>> reader = SSEReader()
    >>> [event.data for event in reader.feed(b"data: Hel") + reader.feed(b"lo\n\n: heartbeat\n\n")]
    ['Hello']
    >>> reader.comments
    ['heartbeat']
    """

    def __init__(self) -> None:
        self.comments: list[str] = []
        self.last_id: str | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._rest = ""
        self._type = ""
        self._data: list[str] = []

    def feed(self, piece: bytes) -> list[ServerSentEvent]:
        """Return the events that this piece completes. What the stream never completes is no event."""
        text = self._rest + self._decoder.decode(piece)
        # A carriage return at the very end may be half of a line end.
        held = text.endswith("\r")
        lines = _LINE_END.split(text[:-1] if held else text)
        self._rest = lines.pop() + ("\r" if held else "")
        return [event for line in lines for event in self._line(line)]

    def _line(self, line: str) -> Iterator[ServerSentEvent]:
        if not line:
            if self._data:
                yield ServerSentEvent("\n".join(self._data), self._type or "message", self.last_id)
            self._type, self._data = "", []
            return
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "":
                self.comments.append(value)
            case "event":
                self._type = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self.last_id = value


def read_events(pieces: Iterable[bytes]) -> Iterator[ServerSentEvent]:
    """Yield the events of a response's body as they come."""
    reader = SSEReader()
    for piece in pieces:
        yield from reader.feed(piece)
