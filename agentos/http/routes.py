"""The way to a model server: its address, and the proxy that the environment names for it."""

from __future__ import annotations

import ipaddress
import os
import re
import ssl
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import unquote
from urllib.request import getproxies, proxy_bypass

import certifi
from urllib3.connection import ProxyConfig
from urllib3.exceptions import LocationParseError
from urllib3.util import Url, make_headers, parse_url

from agentos.errors import ConfigError
from agentos.http.connection import ModelConnection, TlsModelConnection

PORTS = {"http": 80, "https": 443}


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
        return host if self.port == PORTS["https" if self.secure else "http"] else f"{host}:{self.port}"

    def target(self, path: str, query: str = "") -> str:
        """Return what stands in the request line for a path below the base URL, with more query if given."""
        together = "&".join(filter(None, (self.query, query)))
        target = f"{self.path}{path}" + (f"?{together}" if together else "")
        return f"http://{self.host}:{self.port}{target}" if self.proxy and not self.secure else target

    def connection(self, tls: ssl.SSLContext | None) -> ModelConnection:
        """Return a new connection that is not open yet."""
        host = self.host.strip("[]")
        if self.proxy is None:
            if self.secure:
                return TlsModelConnection(host, self.port, ssl_context=tls or trusted())
            return ModelConnection(host, self.port)
        return self._proxied(self.proxy, tls or trusted())

    def _proxied(self, proxy: Url, tls: ssl.SSLContext) -> ModelConnection:
        host, port = (proxy.host or "").strip("[]"), proxy.port or PORTS[proxy.scheme or "http"]
        connection: ModelConnection
        if self.secure:
            connection = TlsModelConnection(host, port, proxy=proxy, proxy_config=_proxy_config(tls), ssl_context=tls)
            connection.set_tunnel(self.host, self.port, headers=_proxy_headers(proxy), scheme=proxy.scheme or "http")
        elif proxy.scheme == "https":
            connection = TlsModelConnection(host, port, proxy=proxy, proxy_config=_proxy_config(tls), ssl_context=tls)
        else:
            connection = ModelConnection(host, port, proxy=proxy)
        return connection


def route_to(base_url: str) -> Route:
    """Return the route to a base URL; raise :class:`~agentos.errors.ConfigError` for one that cannot be right."""
    refusal = ConfigError("the model server's base URL is not accepted: give http(s)://host[:port][/path]")
    try:
        url = parse_url(base_url.strip())
    except LocationParseError as error:
        raise refusal from error
    if url.scheme not in PORTS or not url.host:
        raise refusal
    port = url.port or PORTS[url.scheme]
    proxy = _proxy_for(url.scheme, url.host.strip("[]"), port)
    headers = make_headers(basic_auth=unquote(url.auth)) if url.auth else {}
    if proxy is not None and url.scheme == "http":
        headers |= _proxy_headers(proxy)
    path = (url.path or "").rstrip("/")
    return Route(
        secure=url.scheme == "https", host=url.host, port=port, path=path, query=url.query, proxy=proxy, headers=headers
    )


@cache
def trusted() -> ssl.SSLContext:
    """Return the context that verifies servers by the system's certificates and certifi's; made at its first use.

    ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` replace both, as everywhere.
    """
    context = ssl.create_default_context()
    if not (os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")):
        context.load_verify_locations(certifi.where())
    return context


def _proxy_for(scheme: str, host: str, port: int) -> Url | None:
    proxies = getproxies()
    address = proxies.get(scheme) or proxies.get("all")
    if not address or _is_direct(host, port, proxies.get("no", "")):
        return None
    proxy = parse_url(address)
    if proxy.scheme not in PORTS or not proxy.host:
        raise ConfigError(
            "the proxy that the environment names is not accepted: give http(s)://[user:password@]host:port"
        )
    return proxy


def _is_direct(host: str, port: int, excepted: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return bool(proxy_bypass(f"{host}:{port}"))
    return (
        address.is_loopback
        or bool(proxy_bypass(f"{host}:{port}"))
        or any(address in network for network in map(_network, excepted.split(",")) if network is not None)
    )


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return None


def _proxy_headers(proxy: Url) -> dict[str, str]:
    return dict(make_headers(proxy_basic_auth=unquote(proxy.auth))) if proxy.auth else {}


def _proxy_config(tls: ssl.SSLContext) -> ProxyConfig:
    return ProxyConfig(ssl_context=tls, use_forwarding_for_https=False, assert_hostname=None, assert_fingerprint=None)
