"""Which addresses are this machine's own."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

_WITH_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]*))(?::[0-9]*)?")


def host_of(text: str) -> str:
    """Return a name or address without its port and brackets."""
    found = _WITH_PORT.fullmatch(text)
    return (found[1] or found[2]) if found else text


def with_port(host: object, port: object) -> str:
    """Return ``host:port``, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"


@lru_cache(256)  # the same few names and addresses, with every request
def is_loopback(name: str) -> bool:
    """Return whether a name or address, without port and brackets, is this machine's own."""
    if name.lower() == "localhost":
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    # Python knows only ::1 itself, and not the addresses that stand for 127.0.0.0/8, in all of its versions.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback
