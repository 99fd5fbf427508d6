"""The headers that a model may send, and where they go."""

from __future__ import annotations

import re
from collections.abc import Mapping

from requests.structures import CaseInsensitiveDict

from agentos_http.guard import UrlRefused

MAX_HEADERS = 30
MAX_HEADER_SIZE = 8192
_HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
OURS = frozenset(_HOP_BY_HOP | {"host", "content-length", "accept-encoding", "expect", "proxy-authorization"})
"""They belong to the connection, and would let a request say that it is for another host or of another length."""
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE = re.compile(r"[\t\x20-\x7e]*")
_DEFAULTS = {"User-Agent": "agentos-http/0.1", "Accept": "*/*"}
_OF_A_BODY = frozenset({"content-type", "content-language"})
_HARMLESS = frozenset({"accept", "accept-language", "user-agent"}) | _OF_A_BODY


def checked_headers(given: Mapping[str, str]) -> CaseInsensitiveDict[str]:
    """Return the headers to send; raise :class:`~agentos_http.guard.UrlRefused` for those that may not be given."""
    if len(given) > MAX_HEADERS or sum(len(name) + len(value) for name, value in given.items()) > MAX_HEADER_SIZE:
        raise UrlRefused(f"at most {MAX_HEADERS} headers of together {MAX_HEADER_SIZE} characters are accepted")
    headers = CaseInsensitiveDict(_DEFAULTS)
    for name, value in given.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise UrlRefused(f"header {name!r:.120} is not accepted: names and values are printable ASCII")
        if name.lower() in OURS:
            raise UrlRefused(f"header {name!r} cannot be given; it is set by the connection")
        headers[name] = value.strip()
    headers["Accept-Encoding"] = "gzip, deflate"
    return headers


def headers_elsewhere(headers: CaseInsensitiveDict[str], *, same_origin: bool, body: bool) -> CaseInsensitiveDict[str]:
    """Return the headers for a redirect: another origin gets no credentials, a request without a body no type of it."""
    kept = {
        name: value
        for name, value in headers.items()
        if (same_origin or name.lower() in _HARMLESS | {"accept-encoding"}) and (body or name.lower() not in _OF_A_BODY)
    }
    return CaseInsensitiveDict(kept)
