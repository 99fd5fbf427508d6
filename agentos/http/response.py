"""The answer to a call: its head, and its body in pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

from agentos.cancellation import Cancellation
from agentos.errors import AgentOSError
from agentos.http.connection import CONNECTION_FAILURES, Connection
from agentos.http.parser import ResponseParser

ToError = Callable[[Exception], Exception]
"""Returns the caller's own error for a failure of the connection."""


class Response:
    """A status, headers with names in lower case, and a body that arrives in pieces.

    All that was received at once is one piece. Reading raises :data:`~agentos.http.connection.CONNECTION_FAILURES`, or
    what ``to_error`` makes of them, and the cause of the cancellation.
    """

    to_error: ToError | None = None

    def __init__(
        self, connection: Connection, parser: ResponseParser, first: bytes, cancellation: Cancellation
    ) -> None:
        self.status = parser.status
        self.headers: Mapping[str, str] = parser.fields
        self._connection = connection
        self._parser = parser
        self._decoder = parser.decoder()
        self._first = first
        self._cancellation = cancellation
        self._broken = False

    @property
    def complete(self) -> bool:
        """The body was read to its end."""
        return self._parser.ended and not (self._decoder is not None and self._decoder.pending)

    @property
    def reusable(self) -> bool:
        """The connection stands where another answer can begin."""
        return self._parser.reusable and self.complete and not self._broken

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.receive, b"")

    def receive(self) -> bytes:
        """Return the next piece; nothing at the end."""
        try:
            if self._decoder is None:
                return self._receive()
            piece = self._decoder.decode(b"") if self._decoder.pending else b""
            while not piece and (data := self._receive()):
                piece = self._decoder.decode(data)
            return piece
        except BaseException as error:
            self._broken = True
            if self.to_error is not None and isinstance(error, CONNECTION_FAILURES):
                raise self.to_error(error) from error
            raise

    def _receive(self) -> bytes:
        if self._first:
            first, self._first = self._first, b""
            return first
        parser = self._parser
        while not (parser.ended or self._broken):
            data = self._connection.receive()
            # What had arrived before a cut could still be read, but the caller has left.
            self._cancellation.check()
            if not data:
                # A body that stops before its announced end is over like one of unknown length.
                parser.close()
                return b""
            if piece := parser.feed(data):
                return piece
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
    """Receive the head of an answer. ``tolerant`` is the parser's; ``bodiless`` is for the answer to ``HEAD``."""
    parser = ResponseParser(tolerant=tolerant)
    first = b""
    while not parser.status:
        if not (data := connection.receive()):
            raise ConnectionResetError("the server closed the connection before it had answered")
        first = parser.feed(data)
    parser.ended = parser.ended or bodiless
    return Response(connection, parser, b"" if bodiless else first, cancellation)
