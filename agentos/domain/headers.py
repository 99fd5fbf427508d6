"""What headers may be given with the requests to a server, in the settings and for an agent."""

from __future__ import annotations

import re

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
"""A token of RFC 9110, section 5.6.2."""

HEADER_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
"""Text that is one line in Latin-1, which HTTP/1.1 can carry."""

_OF_THE_REQUEST = frozenset(
    {"accept", "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect", "host"}
    | {"keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "user-agent"}
)


def is_own_header(name: str) -> bool:
    """Tell whether a header says how one request or connection works: our client sets those itself."""
    return name.lower() in _OF_THE_REQUEST or name.lower().startswith("proxy-")
