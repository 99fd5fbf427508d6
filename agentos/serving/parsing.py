"""Reading requests with gunicorn's parser, and refusing what two readers could understand in two ways."""

from __future__ import annotations

from typing import Any

import gevent
from gunicorn.http.body import ChunkedReader
from gunicorn.http.errors import (
    InvalidChunkSize,
    InvalidHeader,
    InvalidHeaderName,
    InvalidHTTPVersion,
    UnsupportedTransferCoding,
)
from gunicorn.http.message import Request as GunicornRequest
from gunicorn.http.parser import RequestParser
from gunicorn.http.unreader import SocketUnreader

from agentos.serving.responses import HEADER_LIMIT

DISCARDED = 64 * 1024
"""Bytes of a body that nobody read which are thrown away for the sake of the next request on the connection."""

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

MAX_CHUNKS = 100_000
"""Chunks of one body. Each costs microseconds, however small it is: a body of 10 MiB could hold minutes of them."""

FRAMING = frozenset(("CONTENT-LENGTH", "TRANSFER-ENCODING"))


class Unreader(SocketUnreader):
    """Reads from a connection, fairly, and asks for a body only once somebody reads it.

    ``expected`` is true while the client waits to hear ``100 Continue``, ``ended`` once it sends no more.
    """

    expected = False
    ended = False

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Return the next piece."""
        if self.expected:
            self.expected = False
            self.sock.sendall(CONTINUE)
        # To receive what is there already does not give way to others: a client that sends fast enough would have the
        # worker to itself.
        gevent.sleep(0)
        data = super().chunk(size_hint)  # type: ignore[call-arg]  # gunicorn's stubs are of an older version
        self.ended = not data
        return data


class Chunks(ChunkedReader):
    """Reads a body in chunks, but not in any number of them."""

    _number = 0

    def parse_chunk_size(self, unreader: Any, data: bytes | None = None) -> tuple[int, bytes | None]:
        """Return the size of the next chunk and what of it has arrived."""
        self._number += 1
        if self._number > MAX_CHUNKS:
            raise InvalidChunkSize(b"too many chunks")
        return super().parse_chunk_size(unreader, data)


class Request(GunicornRequest):
    """A request of HTTP/1.0 or 1.1 whose end is beyond doubt."""

    body: Any
    unreader: Any
    _expected_100_continue: bool

    def parse(self, unreader: Any) -> bytes:
        """Read the header."""
        # gunicorn's own limit follows from the number of fields and their size, and is 800 KiB.
        self.max_buffer_headers = HEADER_LIMIT
        return super().parse(unreader)

    def set_body_reader(self) -> None:
        """Decide where the body ends."""
        if self.version not in ((1, 0), (1, 1)):
            raise InvalidHTTPVersion(str(self.version))
        if self.version == (1, 1) and not any(name == "HOST" for name, _ in self.headers):
            raise InvalidHeader("HOST", req=self)  # RFC 9112, section 3.2
        self._check_codings()
        super().set_body_reader()
        if isinstance(self.body.reader, ChunkedReader):
            self.body.reader = Chunks(self, self.unreader)
        if self._expected_100_continue:
            # gunicorn would say it now, before anybody knows whether the body is wanted.
            self._expected_100_continue = False
            self.unreader.expected = True

    def should_close(self) -> bool:
        """Return whether this is the connection's last request; asked when the answer's header is written."""
        if super().should_close() or self.body.failed or self.unreader.ended:
            return True
        return self.unread > (0 if self.unreader.expected else DISCARDED)

    def _check_codings(self) -> None:
        codings = [value for name, value in self.headers if name == "TRANSFER-ENCODING"]
        if not codings or [value.lower() for value in codings] == ["chunked"]:
            return
        # Anything but the one word, `identity, chunked` and `gzip, chunked` included: no client needs it, and who
        # stands before us may have read another end of the body out of it.
        words = {word.strip(" \t").lower() for word in ",".join(codings).split(",")}
        if words <= {"chunked", "identity", ""}:
            raise InvalidHeader("TRANSFER-ENCODING", req=self)
        raise UnsupportedTransferCoding(", ".join(codings))

    @property
    def unread(self) -> int:
        """How many bytes of the body nobody has read; of chunks nobody knows, so they are too many."""
        reader = self.body.reader
        if isinstance(reader, ChunkedReader):
            return DISCARDED + 1 if reader.parser is not None or self.body.failed else 0
        return int(reader.length)

    def _apply_header_policy(self, name: str, *arguments: Any, **options: Any) -> Any:
        # Other fields with an underscore are left out and do no harm; these may have had a meaning for a proxy.
        if "_" in name and name.replace("_", "-") in FRAMING:
            raise InvalidHeaderName(name)
        return super()._apply_header_policy(name, *arguments, **options)  # type: ignore[misc]  # not in the stubs


class Parser(RequestParser):
    """Reads one request after the other from a connection."""

    mesg_class = Request

    def __init__(self, cfg: Any, client: Any, address: Any) -> None:
        super().__init__(cfg, client, address)
        self.unreader: Any = Unreader(client)

    def __next__(self) -> Request:
        """Read the next request's header."""
        self.unreader.expected = False
        request: Request = super().__next__()  # type: ignore[assignment]
        return request
