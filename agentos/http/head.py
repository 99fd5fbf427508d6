"""The heads of HTTP/1.1 messages (RFC 9112): ours, made once, and the server's, read without goodwill."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from agentos.http.body import Body, Chunked, Inflated, Sized, UntilClose
from agentos.models.wire.failures import NotHTTP

MAX_HEAD = 64 * 1024
MAX_FIELDS = 100

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110's word for it
_NAME = re.compile(_TOKEN)
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_TARGET = re.compile(r"[\x21-\x7e]+")
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\r\n\0]*)?\r\n")
# No space before the colon, no line that continues the one before, nothing but CRLF between two.
_FIELD = re.compile(rb"(" + _TOKEN.encode() + rb"):[ \t]*([^\r\n\0]*?)[ \t]*\r\n")
_LENGTH = re.compile(r"[0-9]{1,18}")
_FRAMING = frozenset({"content-length", "transfer-encoding"})
_ZLIB = frozenset({"gzip", "x-gzip", "deflate"})


def request_head(method: str, target: str, fields: Mapping[str, str]) -> bytes:
    """Return all of a request but its length and its body. Fields that frame the body are left out: they are ours.

    Raises ``ValueError`` for what HTTP cannot carry, without quoting it: it may be a key.
    """
    lines = [f"{method} {target} HTTP/1.1"]
    if not _TARGET.fullmatch(target):
        raise ValueError("the target of a request is not accepted")
    for name, value in fields.items():
        if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value)):
            raise ValueError("a header of a request is not accepted")
        if name.lower() not in _FRAMING:
            lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, ""]).encode("latin-1")


def with_body(head: bytes, body: bytes) -> bytes:
    """Return a whole request, to be sent at once."""
    return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)


@dataclass(frozen=True, slots=True)
class AnswerHead:
    """What a server says before the body. ``fields`` have lower-case names, and repeated ones joined by commas."""

    status: int
    fields: dict[str, str]
    body: Body
    lasts: bool
    """The server says nothing against another request after this one."""


def check_beginning(data: bytes) -> None:
    """Raise :class:`NotHTTP` for what cannot become a head, however long we waited for the rest."""
    if not b"HTTP/1.".startswith(data[:7]) or (b"\n" in data and not _STATUS.match(data)):
        raise NotHTTP("no status line of HTTP/1")
    if len(data) > MAX_HEAD:
        raise NotHTTP("headers without an end")


def parse_head(data: bytes) -> AnswerHead:
    """Read a head, up to and with its empty line; raise :class:`NotHTTP` for one that leaves anything in doubt."""
    start = _STATUS.match(data)
    if start is None:
        raise NotHTTP("no status line of HTTP/1")
    status = int(start[2])
    fields: dict[str, str] = {}
    place, end, count = start.end(), len(data) - 2, 0
    while place < end:
        line = _FIELD.match(data, place)
        count += 1
        if line is None or count > MAX_FIELDS:
            raise NotHTTP("a header that is none, or too many of them")
        name, value = line[1].decode("ascii").lower(), line[2].decode("latin-1")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
        place = line.end()
    connection = fields.get("connection", "").lower()
    body = _body(status, fields)
    return AnswerHead(status, fields, body, lasts=start[1] == b"1" and "close" not in connection)


def _body(status: int, fields: Mapping[str, str]) -> Body:
    coding = fields.get("content-encoding", "identity").lower()
    if coding == "identity":
        return _framed(status, fields)
    if coding in _ZLIB:
        # We ask for none, but some gateways do not care.
        return Inflated(_framed(status, fields))
    raise NotHTTP("a compressed body, though a plain one was asked for")


def _framed(status: int, fields: Mapping[str, str]) -> Body:
    """Return how the body ends. A server and a proxy between us that disagree on it could slip us a false answer."""
    encoding, length = fields.get("transfer-encoding"), fields.get("content-length")
    if encoding is not None:
        if length is not None or encoding.lower() != "chunked":
            raise NotHTTP("a body whose end is in doubt")
        return Chunked()
    if status in (204, 304):
        return Sized(0)
    if length is None:
        return UntilClose()
    if not _LENGTH.fullmatch(length):
        raise NotHTTP("a length that is no number")
    return Sized(int(length))
