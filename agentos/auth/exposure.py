"""Keeps a server that asks nobody who they are to its own machine, unless its operator says otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from agentos.config import Config
from agentos.errors import ConfigError, Forbidden

Address = str | tuple[object, ...]
"""A place to listen: ``host:port`` or ``unix:PATH``, as a setting has it, or ``(host, port, …)``, as a socket does."""

WAYS_OUT = (
    "create a key with 'flask agentos keys create NAME' and set AGENTOS_AUTH=api_key; or set"
    " AGENTOS_ALLOW_ANONYMOUS=1, if everybody who can reach the server may use it"
)


_WITH_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]*))(?::[0-9]*)?")


def is_confined(config: Config) -> bool:
    """Return whether only this machine may be served: nobody is asked who they are, and that is not allowed."""
    return not config.auth and not config.allow_anonymous


def is_here(address: Address) -> bool:
    """Return whether an address to listen on is this machine's alone.

    A name other than ``localhost`` counts as another's; the socket that is made from it has an address.
    """
    if isinstance(address, tuple):
        return is_loopback(str(address[0]))
    return address.startswith("unix:") or is_loopback(_name(address))


@lru_cache(256)  # the same few names and addresses, with every request
def is_loopback(name: str) -> bool:
    """Return whether a name or address, without port and brackets, is this machine's own."""
    if name.lower() == "localhost":
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        # Python knows only ::1 itself, and not the addresses that stand for 127.0.0.0/8, in all of its versions.
        return (address.ipv4_mapped or address).is_loopback
    return address.is_loopback


def check_binding(config: Config, addresses: Iterable[Address]) -> None:
    """Refuse to listen where others can reach a server that asks nobody who they are.

    Raises :class:`~agentos.errors.ConfigError`, which says what to do.
    """
    if not is_confined(config):
        return
    for address in addresses:
        if not is_here(address):
            raise ConfigError(
                f"{_shown(address)} can be reached by other machines, and nobody would be asked for a key. To serve"
                f" this machine alone, listen on 127.0.0.1; {WAYS_OUT}"
            )


def refuse_stranger(config: Config, peer: str, host: str, forwarded: str = "") -> None:
    """Refuse a request that did not come from this machine, where only this one may be served.

    ``peer`` is the connection's own address (empty for a Unix socket), ``host`` and ``forwarded`` are the headers
    ``Host`` and ``X-Forwarded-For``. A page that lets its own name lead to 127.0.0.1 (DNS rebinding) is known by the
    former, a proxy that serves others by either. Raises :class:`~agentos.errors.Forbidden`, which says what to do.
    """
    if not is_confined(config):
        return
    if peer and not is_loopback(peer):
        _refuse(f"from {peer:.100}")
    if host and not is_loopback(_name(host)):
        _refuse(f"for {host!r:.100}")
    if forwarded and not all(is_loopback(_name(one.strip())) for one in forwarded.split(",")):
        _refuse("that a proxy forwarded for another machine")


def _refuse(what: str) -> None:
    raise Forbidden(
        f"this server asks nobody for a key, so it serves its own machine alone and refuses a request {what}. To"
        f" serve others, {WAYS_OUT}"
    )


def _name(host: str) -> str:
    """Return a name or address without its port and brackets."""
    found = _WITH_PORT.fullmatch(host)
    return (found[1] or found[2]) if found else host


def _shown(address: Address) -> str:
    if isinstance(address, tuple):
        host = str(address[0])
        return f"[{host}]:{address[1]}" if ":" in host else f"{host}:{address[1]}"
    return str(address)
