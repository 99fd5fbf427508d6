"""Keeps a server that asks for no credential to its own machine, unless its operator says otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agentos.auth.addresses import host_of, is_loopback
from agentos.auth.proxies import foreign_header
from agentos.config import Config
from agentos.errors import ConfigError, Forbidden

WAYS_OUT = (
    "create a key with 'flask agentos keys create NAME' and set AGENTOS_AUTH=api_key; or set"
    " AGENTOS_ALLOW_ANONYMOUS=1, if everybody who can reach the server may use it"
)


def is_confined(config: Config) -> bool:
    """Return whether only this machine may be served: no credential is asked for, and others are not allowed."""
    return not config.auth and not config.allow_anonymous


def is_here(address: str) -> bool:
    """Return whether an address to listen on, ``host:port`` or ``unix:PATH``, is this machine's alone.

    A name other than ``localhost`` counts as another's; the socket that is made from it has an address.
    """
    return address.startswith("unix:") or is_loopback(host_of(address))


def check_binding(config: Config, addresses: Iterable[str]) -> None:
    """Refuse to listen where others can reach a server that asks for no credential.

    Raises :class:`~agentos.errors.ConfigError`, which says what to do.
    """
    if not is_confined(config):
        return
    for address in addresses:
        if not is_here(address):
            raise ConfigError(
                f"{address} can be reached by other machines, and no credential would be asked for. To serve"
                f" this machine alone, listen on 127.0.0.1; {WAYS_OUT}"
            )


def require_local_peer(config: Config, peer: str, host: str, headers: Mapping[str, str]) -> None:
    """Refuse a request that did not come from this machine, where only this one may be served.

    ``peer`` is the connection's own address (empty for a Unix socket), ``host`` the header ``Host``, ``headers`` at
    least those that proxies send, with names in lower case. A foreign ``Host`` shows a page that lets its own name lead
    to 127.0.0.1 (DNS rebinding). Raises :class:`~agentos.errors.Forbidden`, which says what to do.
    """
    if not is_confined(config):
        return
    if peer and not is_loopback(peer):
        _refuse(f"from {peer:.100}")
    if host and not is_loopback(host_of(host)):
        _refuse(f"for {host!r:.100}")
    if header := foreign_header(headers):
        _refuse(
            f"that came through a proxy from elsewhere: its header {header.title()} is {headers[header]!r:.100}. A"
            " proxy for a user of this machine names only addresses of this machine, as in X-Forwarded-For: 127.0.0.1"
        )


def _refuse(what: str) -> None:
    raise Forbidden(
        f"this server asks for no credential, so it serves its own machine alone and refuses a request {what}. To"
        f" serve others, {WAYS_OUT}"
    )
