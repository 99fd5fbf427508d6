"""Decides whether a URL that came from a model, or from anybody else, may be fetched, and at which addresses.

Nothing here touches the network: who fetches resolves the name, has the addresses checked, and connects to one of them
and to nothing else. A second look-up of the same name may give another answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

import idna

from agentos_http.addresses import Address, Network, Reach, is_within, reach_of, read_address

MAX_URL_LENGTH = 8192
DEFAULT_PORTS = {"http": 80, "https": 443}

Resolver = Callable[[str, int], Sequence[str]]
"""Returns the addresses of a host name and port; raises ``OSError`` when there are none."""

_AUTHORITY = re.compile(r"(?:\[(?P<literal>[^\[\]]*)\]|(?P<name>[^:\[\]]*))(?::(?P<port>[0-9]{0,5}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_NOT_IN_A_URL = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029\ud800-\udfff]")


class UrlRefused(ValueError):
    """The URL is not fetched; the message says why, for whoever gave it."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in its one unambiguous spelling, and the parts that decide where it leads.

    ``host`` is a lower-case ASCII name without a trailing dot, or an address without brackets.
    """

    url: str
    scheme: str
    host: str
    port: int

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port."""
        return self.scheme, self.host, self.port

    @property
    def address(self) -> Address | None:
        """The host's address where the host is written as one."""
        try:
            return read_address(self.host)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPolicy:
    """Which hosts may be reached.

    ``allow_hosts`` and ``deny_hosts`` hold names (``example.com``), all names below one (``*.example.com``) and
    addresses; nothing in ``allow_hosts`` means any host. ``deny_networks`` are refused whatever name leads there.
    ``allow_private`` opens this machine and the networks that it stands in, ``allow_networks`` only these networks,
    special addresses included. ``ports`` of ``None`` means any port.
    """

    allow_hosts: tuple[str, ...] = ()
    deny_hosts: tuple[str, ...] = ()
    deny_networks: tuple[Network, ...] = ()
    allow_private: bool = False
    allow_networks: tuple[Network, ...] = ()
    ports: frozenset[int] | None = frozenset(DEFAULT_PORTS.values())

    def target(self, url: str) -> Target:
        """Return what the URL stands for; raise :class:`UrlRefused` where its text alone is reason enough."""
        target = parse_target(url)
        if self.ports is not None and target.port not in self.ports:
            accepted = ", ".join(map(str, sorted(self.ports)))
            raise UrlRefused(f"port {target.port} is not allowed; allowed: {accepted}")
        if _is_listed(target.host, self.deny_hosts):
            raise UrlRefused(f"host {target.host!r} is not allowed here")
        if self.allow_hosts and not _is_listed(target.host, self.allow_hosts):
            raise UrlRefused(f"host {target.host!r} is not allowed; allowed: {', '.join(self.allow_hosts)}")
        if target.address is not None:
            self.check_addresses(target.host, [target.host])
        return target

    def check_addresses(self, host: str, addresses: Iterable[str]) -> list[str]:
        """Return the addresses that a host resolved to; raise :class:`UrlRefused` if a single one is not allowed.

        One bad address among good ones is a sign of an attack, not of a choice.
        """
        checked = list(dict.fromkeys(addresses))
        if not checked:
            raise UrlRefused(f"host {host!r} has no address")
        for text in checked:
            try:
                address = read_address(text)
            except ValueError:
                raise UrlRefused(f"host {host!r} has an address that is none") from None
            if not self._is_allowed(address):
                # Which address it is stays here: names of the inside are nothing for the outside to map.
                raise UrlRefused(f"host {host!r} is not on the public internet, and other networks are not allowed")
        return checked

    def _is_allowed(self, address: Address) -> bool:
        if is_within(address, self.deny_networks):
            return False
        if is_within(address, self.allow_networks):
            return True
        reach = reach_of(address)
        return reach is Reach.PUBLIC or (reach is Reach.PRIVATE and self.allow_private)


def parse_target(url: str) -> Target:
    """Return the URL's parts, as every parser reads them; raise :class:`UrlRefused` where two parsers might disagree.

    The fragment is dropped: it is never sent.
    """
    if len(url) > MAX_URL_LENGTH:
        raise UrlRefused(f"the URL has {len(url)} characters; at most {MAX_URL_LENGTH} are accepted")
    if _NOT_IN_A_URL.search(url):
        raise UrlRefused("the URL holds a space, backslash or control character; write it percent-encoded")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise UrlRefused("the URL's host is not accepted") from None
    if parts.scheme not in DEFAULT_PORTS:
        raise UrlRefused("the URL is not accepted: it has to begin with http:// or https://")
    if "@" in parts.netloc:
        raise UrlRefused("a URL with a user name or password is not accepted; send credentials in a header")
    match = _AUTHORITY.fullmatch(parts.netloc)
    if match is None:
        raise UrlRefused("the URL's host or port is not accepted")
    port = int(match["port"]) if match["port"] else DEFAULT_PORTS[parts.scheme]
    if not 0 < port < 65536:
        raise UrlRefused(f"port {port} does not exist")
    host = _read_name(match["name"]) if match["literal"] is None else _read_ipv6(match["literal"])
    shown = f"[{host}]" if ":" in host else host
    authority = shown if port == DEFAULT_PORTS[parts.scheme] else f"{shown}:{port}"
    query = f"?{parts.query}" if parts.query else ""
    return Target(f"{parts.scheme}://{authority}{parts.path or '/'}{query}", parts.scheme, host, port)


def _read_ipv6(text: str) -> str:
    try:
        if "%" not in text:  # a zone names a network interface of this machine
            return str(IPv6Address(text))
    except ValueError:
        pass
    raise UrlRefused("the URL's IPv6 address is not accepted")


def _read_name(text: str) -> str:
    name = text
    if not text.isascii():
        try:
            name = idna.encode(text[:256], uts46=True).decode("ascii")
        except idna.IDNAError:
            raise UrlRefused("the URL's host is no internationalized domain name") from None
    name = name.lower().removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise UrlRefused("the URL's host is not accepted; give a domain name or an IP address")
    if _NUMBER.fullmatch(labels[-1]):
        # The C library takes 127.1, 0x7f.0.0.1, 0177.0.0.1 and 2130706433 for 127.0.0.1 (WHATWG URL, section 3.5).
        try:
            return str(IPv4Address(name))
        except ValueError:
            raise UrlRefused("the URL's IPv4 address is not accepted; write four decimal numbers") from None
    return name


def _is_listed(host: str, patterns: Iterable[str]) -> bool:
    return any(host == pattern or (pattern.startswith("*.") and host.endswith(pattern[1:])) for pattern in patterns)
