"""The heads of HTTP/1.1 messages (RFC 9112): ours, made once, and the server's, read without goodwill."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import parse_headers

from agentos.http.body import Body, Chunked, Decompressed, Sized, UntilClose
from agentos.http.failures import NotHTTP

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
_CODINGS = re.compile(r"(x-gzip|gzip|deflate)(\s*,\s*(x-gzip|gzip|deflate)){0,4}")


def request_head(method: str, target: str, fields: Mapping[str, str]) -> bytes:
    """Return all of a request but its length and its body. Fields that frame the body are left out: they are ours.

    Raises ``ValueError`` for what HTTP cannot carry, without quoting it: it may be a key.
    """
    if not (_NAME.fullmatch(method) and _TARGET.fullmatch(target)):
        raise ValueError("the method or target of a request is not accepted")
    lines = [f"{method} {target} HTTP/1.1"]
    for name, value in fields.items():
        if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value)):
            raise ValueError("a header of a request is not accepted")
        if name.lower() not in _FRAMING:
            lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, ""]).encode("latin-1")


def with_body(head: bytes, body: bytes | None) -> bytes:
    """Return a whole request, to be sent at once."""
    return head + b"\r\n" if body is None else b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """What a server sends before the body. ``fields`` have lower-case names."""

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


def parse_head(data: bytes, *, tolerant: bool = False, bodiless: bool = False) -> ResponseHead:
    """Read a head, up to and with its empty line; raise :class:`NotHTTP` for one that leaves anything in doubt.

    A ``tolerant`` reader takes what browsers take, as web sites need it. That is safe only when the connection is not
    used again. ``bodiless`` is for the answer to ``HEAD``.
    """
    start = _STATUS.match(data)
    if start is None:
        raise NotHTTP("no status line of HTTP/1")
    status = int(start[2])
    fields = _tolerant_fields(data[start.end() :]) if tolerant else _strict_fields(data, start.end())
    body = Sized(0) if bodiless else _framed(status, fields)
    codings = fields.get("content-encoding", "identity").lower()
    if _CODINGS.fullmatch(codings):
        # Model servers are asked for none, but some gateways do not care.
        body = Decompressed(body, codings)
    elif codings != "identity" and not tolerant:
        raise NotHTTP("a compressed body, though a plain one was asked for")
    lasts = start[1] == b"1" and "close" not in fields.get("connection", "").lower()
    return ResponseHead(status, fields, body, lasts)


def _strict_fields(data: bytes, place: int) -> dict[str, str]:
    """Return the headers, repeated ones joined by commas."""
    fields: dict[str, str] = {}
    end, count = len(data) - 2, 0
    while place < end:
        line = _FIELD.match(data, place)
        count += 1
        if line is None or count > MAX_FIELDS:
            raise NotHTTP("a header that is none, or too many of them")
        name, value = line[1].decode("ascii").lower(), line[2].decode("latin-1")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
        place = line.end()
    return fields


def _tolerant_fields(data: bytes) -> dict[str, str]:
    """Return the headers, the first of repeated ones, without what frames the body in two ways."""
    fields = {name.lower(): value.strip() for name, value in reversed(parse_headers(io.BytesIO(data)).items())}
    if fields.get("transfer-encoding", "").lower() == "chunked":
        fields.pop("content-length", None)
    else:
        fields.pop("transfer-encoding", None)
    if not _LENGTH.fullmatch(fields.get("content-length", "")):
        fields.pop("content-length", None)
    return fields


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
