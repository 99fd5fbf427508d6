"""The answer to a call: its head, and its body in pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

from agentos.cancellation import Cancellation
from agentos.errors import AgentOSError
from agentos.http.connection import Connection
from agentos.http.failures import CONNECTION_FAILURES, NotHTTP, TooMuch
from agentos.http.head import ResponseHead, check_beginning, parse_head

MAX_INTERIM = 1000
"""Answers such as 100 and 103 before the real one. Some servers send one every few seconds to show that they work."""

ToError = Callable[[Exception], Exception]
"""Returns the caller's own error for a failure of the connection."""


class Response:
    """A status, headers with names in lower case, and a body that arrives in pieces.

    All that was received at once is one piece. Reading raises :data:`~agentos.http.failures.CONNECTION_FAILURES`, or
    what ``to_error`` makes of them, and the cause of the cancellation.
    """

    to_error: ToError | None = None

    def __init__(self, connection: Connection, head: ResponseHead, rest: bytes, cancellation: Cancellation) -> None:
        self.status = head.status
        self.headers: Mapping[str, str] = head.fields
        self._head = head
        self._connection = connection
        self._cancellation = cancellation
        self._rest = rest
        self._broken = False

    @property
    def complete(self) -> bool:
        """The body was read to its end."""
        return self._head.body.ended

    @property
    def reusable(self) -> bool:
        """The connection stands where another answer can begin."""
        return self._head.lasts and self._head.body.ended and not (self._head.body.last or self._broken)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.receive, b"")

    def receive(self) -> bytes:
        """Return the next piece; nothing at the end."""
        body = self._head.body
        data, self._rest = self._rest, b""
        try:
            while not (body.ended or self._broken):
                if not (data or body.pending):
                    data = self._connection.receive()
                    # What had arrived before a cut could still be read, but the caller has left.
                    self._cancellation.check()
                    if not data:
                        # A body that stops before its announced end is over like one of unknown length.
                        body.close()
                        return b""
                if piece := body.feed(data):
                    return piece
                data = b""
        except BaseException as error:
            self._broken = True
            if self.to_error is not None and isinstance(error, CONNECTION_FAILURES):
                raise self.to_error(error) from error
            raise
        return b""

    def tighten(self, seconds: float) -> None:
        """Let the rest of the body take no longer than this; called again, it counts anew."""
        self._connection.deadline.tighten(seconds)

    def read_some(self, *, limit: int, seconds: float) -> bytes:
        """Return as much of the body as arrives within both bounds, without complaint if that is not all."""
        self.tighten(seconds)
        body = b""
        with suppress(AgentOSError, *CONNECTION_FAILURES):
            for piece in self:
                body += piece
                if len(body) >= limit:
                    break
        return body[:limit]

    def read_body(self, limit: int) -> bytes:
        """Return the whole body, or a little more than ``limit`` bytes of one that is longer."""
        body = bytearray()
        while len(body) <= limit and (piece := self.receive()):
            body += piece
        if len(body) <= limit and not self.complete:
            raise ConnectionResetError("the server closed the connection before the end of its answer")
        return bytes(body)


def receive_response(
    connection: Connection, cancellation: Cancellation, *, tolerant: bool = False, bodiless: bool = False
) -> Response:
    """Read the head of an answer, as :func:`~agentos.http.head.parse_head` does; interim answers are skipped."""
    data, interim = b"", 0
    while interim < MAX_INTERIM:
        end = data.find(b"\r\n\r\n") + 4
        if end < 4:
            check_beginning(data)
            if not (more := connection.receive()):
                raise ConnectionResetError("the server closed the connection before it had answered")
            data += more
            continue
        head = parse_head(data[:end], tolerant=tolerant, bodiless=bodiless)
        data = data[end:]
        if head.status == 101:
            raise NotHTTP("a protocol that nobody asked for")
        if head.status >= 200:
            return Response(connection, head, data, cancellation)
        interim += 1
    raise TooMuch("interim answers without an end")
