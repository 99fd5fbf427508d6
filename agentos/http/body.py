"""Where the body of an answer ends, and its bytes without what frames them (RFC 9112, sections 6 and 7)."""

from __future__ import annotations

import re
import zlib
from abc import ABC, abstractmethod

from urllib3.exceptions import DecodeError
from urllib3.response import MultiDecoder

from agentos.http.failures import NotHTTP, TooMuch

MAX_LINE = 4096
"""For the size of a chunk with its extensions."""
MAX_TRAILERS = 16 * 1024
MAX_PIECE = 256 * 1024
"""Of a compressed body, what is decompressed at once."""

# The end of the chunk before belongs to it, so that there is one thing to look for between two pieces of data.
_SIZE = re.compile(rb"\r\n([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r\n")


class Body(ABC):
    """Takes what was received, cut anywhere. ``ended`` tells that the body is whole.

    ``last`` tells that the connection cannot be used again: the body ends with it, or more came than belongs to it.
    ``pending`` tells that there is more to give before more is received.
    """

    ended = False
    last = False
    pending = False

    @abstractmethod
    def feed(self, data: bytes) -> bytes:
        """Return the bytes of the body in what was received."""

    def close(self) -> None:  # noqa: B027 - most bodies are not ended by this
        """Take note that the server will send no more."""


class UntilClose(Body):
    """Ends with the connection."""

    last = True

    def feed(self, data: bytes) -> bytes:
        """Return all of it."""
        return data

    def close(self) -> None:
        """End the body."""
        self.ended = True


class Sized(Body):
    """Has a length that is known from the beginning."""

    def __init__(self, length: int) -> None:
        self._left = length
        self.ended = not length

    def feed(self, data: bytes) -> bytes:
        """Return as much as belongs to the body."""
        piece = data[: self._left]
        self._left -= len(piece)
        self.ended = not self._left
        self.last = len(piece) < len(data)
        return piece


class Chunked(Body):
    """Comes in chunks, each after its size."""

    def __init__(self) -> None:
        self._held = b"\r\n"
        self._left = 0
        self._trailing = False

    def feed(self, data: bytes) -> bytes:
        """Return the data of all chunks in one piece; raise :class:`NotHTTP` for what is none."""
        data = self._held + data
        self._held = b""
        pieces: list[bytes] = []
        place = 0
        while not self._trailing:
            if self._left:
                piece = data[place : place + self._left]
                pieces.append(piece)
                place += len(piece)
                self._left -= len(piece)
                if self._left:
                    break
            size = _SIZE.match(data, place)
            if size is None:
                self._hold(data[place:])
                break
            place = size.end()
            self._left = int(size[1], 16)
            self._trailing = not self._left
            if self._trailing:
                place -= 2
        if self._trailing:
            self._end(data[place:])
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _hold(self, rest: bytes) -> None:
        if not b"\r\n".startswith(rest[:2]) or b"\n" in rest[2:] or len(rest) > MAX_LINE:
            raise NotHTTP("a chunk without its size")
        self._held = rest

    def _end(self, rest: bytes) -> None:
        """Find the end behind the trailers, which say nothing to us; there mostly are none."""
        end = rest.find(b"\r\n\r\n")
        if end < 0:
            if len(rest) > MAX_TRAILERS:
                raise TooMuch("trailers without an end")
            self._held = rest
            return
        self.ended = True
        self.last = len(rest) > end + 4


class Decompressed(Body):
    """Is compressed by ``codings``, the value of ``Content-Encoding``. What inflates to very much comes in pieces."""

    def __init__(self, framed: Body, codings: str) -> None:
        self._framed = framed
        self._decoder = MultiDecoder(codings)
        self.ended = framed.ended

    def feed(self, data: bytes) -> bytes:
        """Return what can be decompressed so far, or the next piece of it."""
        framed, decoder = self._framed, self._decoder
        try:
            piece = decoder.decompress(framed.feed(data) if data else b"", max_length=MAX_PIECE)
        except (zlib.error, DecodeError) as error:
            raise NotHTTP("a compressed body that cannot be decompressed") from error
        self.pending = bool(piece) and decoder.has_unconsumed_tail
        self.ended, self.last = framed.ended and not self.pending, framed.last
        return piece

    def close(self) -> None:
        """Take note that the server will send no more."""
        self._framed.close()
        self.ended = self._framed.ended
