"""Reading requests with gunicorn's parser, and refusing what two readers could understand in two ways."""

from __future__ import annotations

from dataclasses import dataclass
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

from agentos.errors import RequestTooLarge
from agentos.serving.refusals import HEADER_LIMIT

DISCARDED = 64 * 1024  # unread bytes of a body that are thrown away, so that the connection can take the next request
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

MAX_CHUNKS = 100_000
"""Chunks of one body. Each costs microseconds, however small it is: a body of 10 MiB could hold minutes of them."""

MAX_CHUNK_LINE = 1024
"""Bytes of a chunk's size with its extensions. Those that exist have a hundred: signatures of cloud storages."""

FRAMING_SHARE = 8
LEAST_FRAMING = 64 * 1024
"""Sizes, extensions and line ends of chunks may take an eighth of the limit of a body, or 64 KiB, in addition to it."""

FRAMING = frozenset(("CONTENT-LENGTH", "TRANSFER-ENCODING"))


class Unreader(SocketUnreader):
    """Reads from a connection, fairly, and asks for a body only once somebody reads it.

    ``expected`` is true while the client waits to hear ``100 Continue``, ``ended`` once it sends no more.
    """

    expected = False
    ended = False

    def __init__(self, sock: Any, body_limit: int) -> None:
        super().__init__(sock)
        self.body_limit = body_limit

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
    """Reads a body in chunks, but not in any number of them, and counts all that comes over the wire.

    Raises :class:`~agentos.errors.RequestTooLarge` for a body that is larger than its limit and the share of framing.
    """

    _number = 0

    def __init__(self, request: Request, unreader: Any) -> None:
        super().__init__(request, unreader)
        limit: int = unreader.body_limit
        self._limit = limit
        self._left = limit + max(LEAST_FRAMING, limit // FRAMING_SHARE)
        self.limit_chunk_size_line = MAX_CHUNK_LINE

    def parse_chunk_size(self, unreader: Any, data: bytes | None = None) -> tuple[int, bytes | None]:
        """Return the size of the next chunk and what of it has arrived."""
        self._number += 1
        if self._number > MAX_CHUNKS:
            raise InvalidChunkSize(b"too many chunks")
        counted = _Counted(unreader, len(data or b""))
        size, rest = super().parse_chunk_size(counted, data)  # type: ignore[arg-type]  # it reads and gives back
        # The line with its end, the chunk, and the end of the chunk. Trailers have a limit of their own.
        line = counted.received - len(rest) if rest is not None else 0
        if line > MAX_CHUNK_LINE:
            raise InvalidChunkSize(b"the line is too long")
        self._left -= line + size + 2
        if self._left < 0:
            raise RequestTooLarge(
                f"the body is larger than {self._limit} bytes, which is the most that this server accepts"
                " (AGENTOS_MAX_REQUEST_SIZE); the sizes and extensions of its chunks count too"
            )
        return size, rest


@dataclass
class _Counted:
    """Counts what is read while a chunk's line is looked for."""

    unreader: Any
    received: int

    def read(self, *arguments: Any, **options: Any) -> bytes:
        data: bytes = self.unreader.read(*arguments, **options)
        self.received += len(data)
        return data

    def unread(self, data: bytes) -> None:
        self.unreader.unread(data)


class Request(GunicornRequest):
    """A request of HTTP/1.0 or 1.1 with a certain end."""

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
        """How many bytes of the body are unread; with chunks it is unknown, so they count as too many."""
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

    def __init__(self, cfg: Any, client: Any, address: Any, *, body_limit: int) -> None:
        super().__init__(cfg, client, address)
        self.unreader: Any = Unreader(client, body_limit)

    def __next__(self) -> Request:
        """Read the next request's header."""
        self.unreader.expected = False
        request: Request = super().__next__()  # type: ignore[assignment]
        return request
