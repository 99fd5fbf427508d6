"""The way to a server: its address, and the proxy that the environment names for it."""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import unquote
from urllib.request import getproxies, proxy_bypass

from urllib3.connection import ProxyConfig
from urllib3.exceptions import LocationParseError
from urllib3.util import Url, make_headers, parse_url

from agentos.errors import ConfigError
from agentos.http.connection import Connection, TlsConnection
from agentos.http.tls import trusted
from agentos.http.urls import DEFAULT_PORTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where a base URL points to. ``headers`` go with every request; ``proxy`` is None for a direct connection."""

    secure: bool
    host: str
    port: int
    path: str
    query: str | None = None
    proxy: Url | None = field(default=None, repr=False)
    """It may hold a password."""
    headers: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def authority(self) -> str:
        """Return what the header ``Host`` says. The zone of a link-local address means nothing to the other side."""
        host = re.sub(r"%[^\]]*", "", self.host)
        return host if self.port == DEFAULT_PORTS["https" if self.secure else "http"] else f"{host}:{self.port}"

    def target(self, path: str, query: str = "") -> str:
        """Return what stands in the request line for a path below the base URL, with more query if given."""
        together = "&".join(filter(None, (self.query, query)))
        target = (f"{self.path.rstrip('/')}{path}" if path else self.path) or "/"
        target += f"?{together}" if together else ""
        return f"http://{self.host}:{self.port}{target}" if self.proxy and not self.secure else target

    def connection(self, tls: ssl.SSLContext | None) -> Connection:
        """Return a new connection that is not open yet."""
        proxy = self.proxy
        host, port, secure = self.host.strip("[]"), self.port, self.secure
        if proxy is not None:
            host, port = (proxy.host or "").strip("[]"), proxy.port or DEFAULT_PORTS[proxy.scheme or "http"]
            secure = secure or proxy.scheme == "https"
        if not secure:
            return Connection(host, port, proxy=proxy)
        tls = tls or trusted()
        # To a TLS server there is a tunnel through the proxy, with TLS of its own inside.
        config = ProxyConfig(tls, use_forwarding_for_https=False, assert_hostname=None, assert_fingerprint=None)
        connection = TlsConnection(host, port, ssl_context=tls, proxy=proxy, proxy_config=config)
        if self.secure and proxy is not None:
            headers = _proxy_headers(proxy)
            connection.set_tunnel(self.host, self.port, headers=headers, scheme=proxy.scheme or "http")
        return connection


def route_to(base_url: str, *, proxies: bool = True) -> Route:
    """Return the route to a base URL; raise :class:`~agentos.errors.ConfigError` for one that cannot be right.

    ``proxies`` are those of the environment.
    """
    refusal = ConfigError("the model server's base URL is not accepted: give http(s)://host[:port][/path]")
    try:
        url = parse_url(base_url.strip())
    except LocationParseError as error:
        raise refusal from error
    if url.scheme not in DEFAULT_PORTS or not url.host:
        raise refusal
    port = url.port or DEFAULT_PORTS[url.scheme]
    proxy = _proxy_for(url.scheme, url.host.strip("[]"), port) if proxies else None
    headers = make_headers(basic_auth=unquote(url.auth)) if url.auth else {}
    if proxy is not None and url.scheme == "http":
        headers |= _proxy_headers(proxy)
    return Route(
        secure=url.scheme == "https",
        host=url.host,
        port=port,
        path=url.path or "",
        query=url.query,
        proxy=proxy,
        headers=headers,
    )


def _proxy_for(scheme: str, host: str, port: int) -> Url | None:
    proxies = getproxies()
    address = proxies.get(scheme) or proxies.get("all")
    if not address or _is_direct(host, port, proxies.get("no", "")):
        return None
    proxy = parse_url(address)
    if proxy.scheme not in DEFAULT_PORTS or not proxy.host:
        raise ConfigError(
            "the proxy that the environment names is not accepted: give http(s)://[user:password@]host:port"
        )
    return proxy


def _is_direct(host: str, port: int, excepted: str) -> bool:
    if host == "localhost" or host.endswith(".localhost") or proxy_bypass(f"{host}:{port}"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or any(address in network for network in _networks(excepted))


def _networks(texts: str) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    for text in texts.split(","):
        with suppress(ValueError):
            yield ipaddress.ip_network(text.strip(), strict=False)


def _proxy_headers(proxy: Url) -> dict[str, str]:
    return dict(make_headers(proxy_basic_auth=unquote(proxy.auth))) if proxy.auth else {}
