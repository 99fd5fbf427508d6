"""URLs and host names as every parser reads them; what two parsers might read differently is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote, urlsplit

import idna

from agentos.http.addresses import Address, read_address
from agentos.http.failures import OutboundRefused

MAX_URL_LENGTH = 8192
DEFAULT_PORTS = {"http": 80, "https": 443}

_AUTHORITY = re.compile(r"(?:\[(?P<literal>[^\[\]]*)\]|(?P<name>[^:\[\]]*))(?::(?P<port>[0-9]{0,5}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_NOT_IN_A_URL = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029\ud800-\udfff]")
_RESERVED = "!#$%&'()*+,/:;=?@[]~"
# RFC 6761, 6762 (with its appendix G) and 8375, ICANN's .internal, and what routers and Kubernetes call their networks.
_INTERNAL = (
    *(".localhost", ".localdomain", ".local", ".internal", ".intranet", ".private", ".corp"),
    *(".home", ".home.arpa", ".lan", ".svc"),
)


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

    @property
    def authority(self) -> str:
        """What the header ``Host`` says."""
        return self.url.split("/", 3)[2]

    @property
    def path(self) -> str:
        """What stands in the request line: path and query, in ASCII."""
        return percent_encoded(self.url[self.url.index("/", len(self.scheme) + 3) :])


def parse_target(url: str) -> Target:
    """Return the URL's parts, as every parser reads them; raise :class:`OutboundRefused` where two might disagree.

    The fragment is dropped: it is never sent.
    """
    if len(url) > MAX_URL_LENGTH:
        raise OutboundRefused(f"the URL has {len(url)} characters; at most {MAX_URL_LENGTH} are accepted")
    if _NOT_IN_A_URL.search(url):
        raise OutboundRefused("the URL holds a space, backslash or control character; write it percent-encoded")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise OutboundRefused("the URL's host is not accepted; give http://host/ or https://host/") from None
    if parts.scheme not in DEFAULT_PORTS:
        raise OutboundRefused("the URL is not accepted: it has to begin with http:// or https://")
    if "@" in parts.netloc:
        raise OutboundRefused("a URL with a user name or password is not accepted; send credentials in a header")
    match = _AUTHORITY.fullmatch(parts.netloc)
    if match is None:
        raise OutboundRefused("the URL's host or port is not accepted")
    port = int(match["port"]) if match["port"] else DEFAULT_PORTS[parts.scheme]
    if not 0 < port < 65536:
        raise OutboundRefused(f"port {port} does not exist")
    host = _read_name(match["name"]) if match["literal"] is None else _read_ipv6(match["literal"])
    shown = f"[{host}]" if ":" in host else host
    authority = shown if port == DEFAULT_PORTS[parts.scheme] else f"{shown}:{port}"
    query = f"?{parts.query}" if parts.query else ""
    return Target(f"{parts.scheme}://{authority}{parts.path or '/'}{query}", parts.scheme, host, port)


def host_pattern(text: str) -> str:
    """Return a host as URLs are read, so that the two compare; ``*.`` may stand before a name for all below it.

    Raises ``ValueError`` for what is no host.
    """
    name = text.removeprefix("*.")
    bare = name.count(":") > 1 and not name.startswith("[")
    target = parse_target(f"http://[{name}]/" if bare else f"http://{name}/")
    shown = f"[{target.host}]" if ":" in target.host else target.host
    if target.url != f"http://{shown}/" or (":" in name) is not (":" in target.host):
        raise ValueError(f"{text!r} is more than a host")
    if name != text and target.address is not None:
        raise ValueError(f"{text!r}: nothing is below an address")
    return text[: len(text) - len(name)] + target.host


def is_listed(host: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns of :func:`host_pattern` names the host."""
    return any(host == pattern or (pattern.startswith("*.") and host.endswith(pattern[1:])) for pattern in patterns)


def is_internal_name(host: str) -> bool:
    """Whether a name, by its text alone, can only be that of this machine or of the network that it stands in.

    A name without a dot is what a search domain is added to.
    """
    return ("." not in host and ":" not in host) or host.endswith(_INTERNAL)


def percent_encoded(text: str) -> str:
    """Return a URL, or a part of one, with what is not ASCII percent-encoded; what is encoded already stays."""
    return quote(text, safe=_RESERVED)


def _read_ipv6(text: str) -> str:
    try:
        if "%" not in text:  # a zone names a network interface of this machine
            return str(IPv6Address(text))
    except ValueError:
        pass
    raise OutboundRefused("the URL's IPv6 address is not accepted")


def _read_name(text: str) -> str:
    name = text
    if not text.isascii():
        try:
            name = idna.encode(text[:256], uts46=True).decode("ascii")
        except idna.IDNAError:
            raise OutboundRefused("the URL's host is no internationalized domain name") from None
    name = name.lower().removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise OutboundRefused("the URL's host is not accepted; give a domain name or an IP address")
    if _NUMBER.fullmatch(labels[-1]):
        # The C library takes 127.1, 0x7f.0.0.1, 0177.0.0.1 and 2130706433 for 127.0.0.1 (WHATWG URL, section 3.5).
        try:
            return str(IPv4Address(name))
        except ValueError:
            raise OutboundRefused("the URL's IPv4 address is not accepted; write four decimal numbers") from None
    return name
