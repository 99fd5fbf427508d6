"""Requests as HTTP/1.1 writes them (RFC 9112), and the headers that may be given for one."""

from __future__ import annotations

import re
from collections.abc import Mapping

from agentos.http.failures import OutboundRefused

MAX_HEADERS = 30
MAX_HEADER_SIZE = 8192
_HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
OURS = frozenset(_HOP_BY_HOP | {"host", "content-length", "accept-encoding", "expect", "proxy-authorization"})
"""They belong to the connection, and would let a request say that it is for another host or of another length."""
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_TARGET = re.compile(r"[\x21-\x7e]+")
_FRAMING = frozenset({"content-length", "transfer-encoding"})
_OF_A_BODY = frozenset({"content-type", "content-language"})
_HARMLESS = frozenset({"accept", "accept-encoding", "accept-language", "user-agent"}) | _OF_A_BODY


def request_head(method: str, target: str, fields: Mapping[str, str]) -> bytes:
    """Return all of a request but its length and its body. Fields that frame the body are left out: they are ours.

    Raises ``ValueError`` for what HTTP cannot carry, without quoting it: it may be a key.
    """
    if not (_TOKEN.fullmatch(method) and _TARGET.fullmatch(target)):
        raise ValueError("the method or target of a request is not accepted")
    lines = [f"{method} {target} HTTP/1.1"]
    for name, value in fields.items():
        if not (_TOKEN.fullmatch(name) and _VALUE.fullmatch(value)):
            raise ValueError("a header of a request is not accepted")
        if name.lower() not in _FRAMING:
            lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, ""]).encode("latin-1")


def header_lines(fields: Mapping[str, str]) -> bytes:
    """Return further headers, of names and values that HTTP can carry."""
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode("latin-1")


def with_body(head: bytes, body: bytes | None) -> bytes:
    """Return a whole request, to be sent at once."""
    return head + b"\r\n" if body is None else b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)


def checked_headers(given: Mapping[str, str], *, user_agent: str) -> dict[str, str]:
    """Return the headers to send; raise :class:`OutboundRefused` for those that may not be given."""
    if len(given) > MAX_HEADERS or sum(len(name) + len(value) for name, value in given.items()) > MAX_HEADER_SIZE:
        raise OutboundRefused(f"at most {MAX_HEADERS} headers of together {MAX_HEADER_SIZE} characters are accepted")
    # By their lower-case names, so that one that is given in another spelling replaces a default.
    headers = {"user-agent": ("User-Agent", user_agent), "accept": ("Accept", "*/*")}
    for name, value in given.items():
        if not (_TOKEN.fullmatch(name) and len(name) <= 100 and value.isascii() and _VALUE.fullmatch(value)):
            raise OutboundRefused(f"header {name!r:.120} is not accepted: names and values are printable ASCII")
        if name.lower() in OURS:
            raise OutboundRefused(f"header {name!r} cannot be given; it is set by the connection")
        headers[name.lower()] = (name, value.strip())
    return {**dict(headers.values()), "Accept-Encoding": "gzip, deflate"}


def headers_elsewhere(headers: Mapping[str, str], *, same_origin: bool, body: bool) -> dict[str, str]:
    """Return the headers for a redirect: another origin gets no credentials, a request without a body no type of it."""
    return {
        name: value
        for name, value in headers.items()
        if (same_origin or name.lower() in _HARMLESS) and (body or name.lower() not in _OF_A_BODY)
    }
