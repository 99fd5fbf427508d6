"""Reads the answers of servers. llhttp, the parser of Node.js, does the work; what it leaves open is decided here."""

from __future__ import annotations

import re
import zlib

from httptools import HttpParserError, HttpResponseParser
from urllib3.exceptions import DecodeError
from urllib3.response import MultiDecoder

from agentos.http.failures import NotHTTP, TooMuch

MAX_HEAD = 64 * 1024
MAX_FIELDS = 100
MAX_BETWEEN = 4096
"""Bytes that frame the body, such as chunk sizes and trailers, in which nothing of the body itself comes."""
MAX_PIECE = 256 * 1024  # of a compressed body, what is decompressed at once

_CODINGS = re.compile(r"(x-gzip|gzip|deflate)(\s*,\s*(x-gzip|gzip|deflate)){0,4}")
_TOLERANT = (
    *("lenient_headers", "lenient_chunked_length", "lenient_transfer_encoding", "lenient_data_after_close"),
    *("lenient_optional_lf_after_cr", "lenient_optional_cr_before_lf", "lenient_optional_crlf_after_chunk"),
)


class _Message:
    """What the parser reports of the answer so far. It drops the parser after the head: they refer to each other."""

    def __init__(self) -> None:
        self.parser: HttpResponseParser | None = None
        self.status = 0
        self.version = ""
        self.fields: dict[str, str] = {}
        self.lines = 0
        self.interim = False
        self.ended = False
        self.more = False
        self.pieces: list[bytes] = []
        self.on_body = self.pieces.append

    def on_message_begin(self) -> None:
        self.more = self.ended

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.parser is None:
            return  # trailers say nothing to us, nor does another answer
        key, text = name.strip().lower().decode("latin-1"), value.strip().decode("latin-1")
        self.fields[key] = f"{self.fields[key]}, {text}" if key in self.fields else text
        self.lines += 1

    def on_headers_complete(self) -> None:
        if self.parser is None:
            return
        status = self.parser.get_status_code()
        if status < 200:
            self.interim, self.lines = True, 0
            self.fields.clear()
            return
        self.status, self.version = status, self.parser.get_http_version()
        self.parser = None

    def on_message_complete(self) -> None:
        self.ended = self.ended or self.status > 0


class ResponseParser:
    """Reads one answer, and the interim ones before it, from bytes that are cut anywhere.

    ``status`` is 0 until the head is whole. ``fields`` have lower-case names, and repeated ones joined by commas. What
    leaves anything in doubt is refused: a server and a proxy before it that disagree could slip us a false answer. A
    ``tolerant`` parser takes more of what web sites send. That is safe only when the connection is not used again.
    """

    def __init__(self, *, tolerant: bool = False) -> None:
        self._tolerant = tolerant
        self._message = message = _Message()
        self._parser = message.parser = HttpResponseParser(message)
        self._parser.set_dangerous_leniencies(
            lenient_spaces_after_chunk_size=True, **(dict.fromkeys(_TOLERANT, True) if tolerant else {})
        )
        self._between = 0
        self.status = 0
        self.fields = message.fields
        self.ended = False

    @property
    def reusable(self) -> bool:
        """Another answer can begin on the connection: the server agrees, and sent nothing beyond this one."""
        message = self._message
        lasts = message.version == "1.1" and "close" not in self.fields.get("connection", "").lower()
        return lasts and message.ended and not message.more

    def feed(self, data: bytes) -> bytes:
        """Return the bytes of the body in what was received; raise :class:`NotHTTP` for what is no answer."""
        message = self._message
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            if not message.ended:
                raise NotHTTP(str(error)) from error
            message.more = True
        self._between += len(data)
        if not self.status:
            self._read_head()
        self.ended = message.ended
        if pieces := message.pieces:
            self._between = 0
            piece = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            pieces.clear()
            return piece
        if self.status and self._between > MAX_BETWEEN and not self.ended:
            raise TooMuch("much that frames a body, and nothing of it")
        return b""

    def close(self) -> None:
        """Take note that the server will send no more, which ends a body of unknown length."""
        chunked = self.fields.get("transfer-encoding", "").lower().endswith("chunked")
        self.ended = self.ended or not (chunked or "content-length" in self.fields)

    def decoder(self) -> Decoder | None:
        """Return what decompresses the body; ``None`` for one that is not compressed."""
        codings = self.fields.get("content-encoding", "identity").lower()
        if _CODINGS.fullmatch(codings):
            # Model servers are asked for none, but some gateways do not care.
            return Decoder(codings)
        if codings != "identity" and not self._tolerant:
            raise NotHTTP("a compressed body, though a plain one was asked for")
        return None

    def _read_head(self) -> None:
        message = self._message
        if not message.status:
            if self._between > MAX_HEAD:
                raise (
                    TooMuch("interim answers without an end") if message.interim else NotHTTP("headers without an end")
                )
            return
        if message.version not in ("1.0", "1.1"):
            raise NotHTTP("no status line of HTTP/1")
        if message.lines > MAX_FIELDS:
            raise NotHTTP("too many headers")
        if self.fields.get("transfer-encoding", "chunked").lower() != "chunked" and not self._tolerant:
            raise NotHTTP("a body whose end is in doubt")
        self.status, self._between = message.status, 0


class Decoder:
    """Decompresses a body. ``pending`` tells that there is more to return before more is given."""

    def __init__(self, codings: str) -> None:
        self._decoder = MultiDecoder(codings)
        self.pending = False

    def decode(self, data: bytes) -> bytes:
        """Return what can be decompressed so far, a piece at a time."""
        try:
            piece = self._decoder.decompress(data, max_length=MAX_PIECE)
        except (zlib.error, DecodeError) as error:
            raise NotHTTP("a compressed body that cannot be decompressed") from error
        self.pending = bool(piece) and self._decoder.has_unconsumed_tail
        return piece
