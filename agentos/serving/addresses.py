"""Which addresses a server listens on, and how those of its clients are written."""

from __future__ import annotations

import socket
from typing import Any, Literal

IPv6 = Literal["none", "dual", "separate"]
"""What sockets of IPv6 do here: there are none; they take IPv4 too; or each family needs a socket of its own."""

_MAPPED = "::ffff:"


def ipv6_here() -> IPv6:
    """Ask the system, with a socket that is bound and closed again."""
    if not socket.has_ipv6:
        return "none"
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::", 0))
            return "dual" if takes_ipv4(probe) else "separate"
    except OSError:  # switched off in the kernel, or not let into this container
        return "none"


def bind_addresses(address: str, ipv6: IPv6) -> list[str]:
    """Return what to bind for the setting ``address``: without a host, all interfaces and both families."""
    host, _, port = address.rpartition(":")
    if host:
        return [address]
    ipv4 = f"0.0.0.0:{port}"
    return {"none": [ipv4], "dual": [f"[::]:{port}"], "separate": [ipv4, f"[::]:{port}"]}[ipv6]


def takes_ipv4(listener: Any) -> bool:
    """Return whether a socket of IPv6 takes connections of IPv4 too."""
    return not listener.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)


def plain(name: Any) -> Any:
    """Return the name of a socket with an IPv4 address as such.

    A socket for both families writes ``::ffff:192.0.2.1``. Under that name a proxy on this machine would not be
    trusted, and the log would not show what operators look for.
    """
    if isinstance(name, tuple) and len(name) == 4 and name[0].startswith(_MAPPED) and "." in name[0]:
        return (name[0][len(_MAPPED) :], name[1])
    return name
