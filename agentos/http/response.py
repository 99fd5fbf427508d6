"""The answer to a call: its head, and its body in pieces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from agentos.cancellation import Cancellation
from agentos.errors import ExecutionError
from agentos.http.connection import ModelConnection
from agentos.http.head import AnswerHead, check_beginning, parse_head
from agentos.models.wire.failures import CONNECTION_FAILURES, NotHTTP, named


class Response:
    """A status, headers with names in lower case, and a body that arrives in pieces.

    All that was received at once is one piece.
    """

    def __init__(self, connection: ModelConnection, head: AnswerHead, rest: bytes, cancellation: Cancellation) -> None:
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
                if not data:
                    data = self._connection.receive()
                    # What had arrived before a cut can still be read, but nobody wants it any more.
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
            if isinstance(error, CONNECTION_FAILURES):
                raise named(error) from error
            raise
        return b""

    def hurry(self, seconds: float) -> None:
        """Let the rest of the body take no longer than this; called again, it counts anew."""
        self._connection.pace.hurry(seconds)

    def read(self, *, limit: int, seconds: float) -> bytes:
        """Return as much of the body as arrives within both bounds, without complaint if that is not all."""
        self.hurry(seconds)
        body = b""
        with suppress(ExecutionError):
            for piece in self:
                body += piece
                if len(body) >= limit:
                    break
        return body[:limit]


def receive_response(connection: ModelConnection, cancellation: Cancellation) -> Response:
    """Read the head of an answer; raise :class:`NotHTTP`, ``OSError``, or what the connection's pace says."""
    data = b""
    while True:
        end = data.find(b"\r\n\r\n") + 4
        if end < 4:
            check_beginning(data)
            if not (more := connection.receive()):
                raise ConnectionResetError("the server closed the connection before it had answered")
            data += more
            continue
        head = parse_head(data[:end])
        data = data[end:]
        if head.status == 101:
            raise NotHTTP("a protocol that nobody asked for")
        if head.status >= 200:
            return Response(connection, head, data, cancellation)
