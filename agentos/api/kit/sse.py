"""Server-sent events (WHATWG HTML, section 9.2) for projections of any protocol that uses them."""

from __future__ import annotations

import re
from typing import Any

import orjson

SSE_MEDIA_TYPE = "text/event-stream; charset=utf-8"

SSE_HEARTBEAT = b": heartbeat\n\n"
"""A comment: it keeps the connection open, and no client sees an event."""

_LINE_END = re.compile(r"\r\n|\n|\r")

# JSON leaves these three as they are, and some readers split lines at them.
_SEPARATORS = tuple((character.encode(), f"\\u{ord(character):04x}".encode()) for character in "\x85\u2028\u2029")


def sse_event(data: str, *, event: str | None = None, id: str | None = None) -> bytes:
    r"""Return one event as bytes; a text of several lines becomes several ``data`` fields.

    Raises ``ValueError`` for an ``event`` or ``id`` that holds a line end.

    >>> sse_event("Hello", event="greeting", id="7")
    b'id: 7\nevent: greeting\ndata: Hello\n\n'
    """
    named = [(name, value) for name, value in (("id", id), ("event", event)) if value is not None]
    for name, value in named:
        if _LINE_END.search(value) or "\0" in value:
            raise ValueError(f"{name} {value!r:.100} of an event: accepted is one line")
    fields = [*named, *(("data", line) for line in _LINE_END.split(data))]
    return "".join(f"{name}: {value}\n" for name, value in fields).encode() + b"\n"


def sse_json(value: Any, *, event: str | None = None, id: str | None = None) -> bytes:
    r"""Return one event with JSON as its data.

    >>> sse_json({"text": "Hello"})
    b'data: {"text":"Hello"}\n\n'
    """
    head = sse_event("", event=event, id=id).removesuffix(b"data: \n\n")
    return b"%bdata: %b\n\n" % (head, one_line(orjson.dumps(value)))


def one_line(data: bytes) -> bytes:
    """Return JSON as one line for every reader."""
    if not data.isascii():
        for separator, escaped in _SEPARATORS:
            data = data.replace(separator, escaped)
    return data
