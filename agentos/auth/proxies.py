"""Headers by which proxies, tunnels and CDNs show that a request came through them, and from where."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from agentos.auth.addresses import host_of, is_loopback

Kind = Literal["client", "host", "forwarded", "mark"]
"""``client``: addresses of clients, separated by commas. ``host``: names that a client asked for. ``forwarded``: both,
as RFC 7239 writes them. ``mark``: shows that there was a proxy, and has no address."""

PROXY_HEADERS: Mapping[str, tuple[Kind, str]] = {
    "forwarded": ("forwarded", "RFC 7239"),
    "x-forwarded-for": ("client", "most proxies and load balancers"),
    "forwarded-for": ("client", "older spelling"),
    "x-original-forwarded-for": ("client", "ingress-nginx, behind another proxy"),
    "x-real-ip": ("client", "nginx, Traefik, localtunnel"),
    "x-client-ip": ("client", "Apache and Azure"),
    "client-ip": ("client", "Akamai and older proxies"),
    "x-cluster-client-ip": ("client", "Rackspace, Riverbed"),
    "true-client-ip": ("client", "Akamai, Cloudflare Enterprise"),
    "cf-connecting-ip": ("client", "Cloudflare and its tunnels"),
    "cf-connecting-ipv6": ("client", "Cloudflare, with Pseudo IPv4"),
    "fastly-client-ip": ("client", "Fastly"),
    "fly-client-ip": ("client", "Fly.io"),
    "do-connecting-ip": ("client", "DigitalOcean"),
    "incap-client-ip": ("client", "Imperva"),
    "cloudfront-viewer-address": ("client", "Amazon CloudFront"),
    "x-appengine-user-ip": ("client", "Google App Engine"),
    "x-azure-clientip": ("client", "Azure Front Door"),
    "x-azure-socketip": ("client", "Azure Front Door"),
    "x-envoy-external-address": ("client", "Envoy, Istio"),
    "x-nf-client-connection-ip": ("client", "Netlify"),
    "x-vercel-forwarded-for": ("client", "Vercel"),
    "x-proxyuser-ip": ("client", "Google's services"),
    "proxy-client-ip": ("client", "Apache plug-in of WebLogic"),
    "wl-proxy-client-ip": ("client", "WebLogic"),
    "x-forwarded-host": ("host", "most proxies, for the Host that they replaced"),
    "x-original-host": ("host", "Azure Application Gateway, Microsoft dev tunnels"),
    "via": ("mark", "RFC 9110: each proxy adds its name"),
    "cdn-loop": ("mark", "RFC 8586: CDNs add their name"),
    "cf-ray": ("mark", "Cloudflare and its tunnels"),
    "tailscale-funnel-request": ("mark", "Tailscale Funnel"),
    "x-forwarded": ("mark", "older proxies"),
    "x-original-proto": ("mark", "Microsoft dev tunnels"),
}
"""What each header is, and who sends it. Names are in lower case."""

FAMILY = "x-forwarded-"  # other headers of this family (``X-Forwarded-Proto``, ``-Port``, ``-Server``, …) are marks

_PAIR = re.compile(r"[ \t]*([\w!#$%&'*+.^`|~-]+)=(\"(?:[^\"\\]|\\.)*\"|[^\s\",;]+)[ \t]*", re.ASCII)


def kind_of(name: str) -> Kind | None:
    """Return what a header is, by its name in lower case; ``None`` if no proxy is known to send it."""
    if name in PROXY_HEADERS:
        return PROXY_HEADERS[name][0]
    return "mark" if name.startswith(FAMILY) else None


def foreign_header(headers: Mapping[str, str]) -> str | None:
    """Return the name of a header that shows a client elsewhere, or a proxy that does not say who its client is.

    ``headers`` have names in lower case. A header that has only addresses of this machine is a proxy's for its own
    user; a mark needs such a header beside it.
    """
    mark = None
    is_local = False
    for name, value in headers.items():
        kind = kind_of(name)
        if kind == "mark":
            mark = mark or name
        elif kind is not None:
            if not (_is_local_forwarded(value) if kind == "forwarded" else _are_local(value.split(","))):
                return name
            # The name that a client asked for is the client's choice: it does not show where the client is.
            is_local = is_local or kind != "host"
    return None if is_local else mark


def _are_local(nodes: list[str]) -> bool:
    return all(is_loopback(host_of(node.strip())) for node in nodes)


def _is_local_forwarded(value: str) -> bool:
    """Return whether each proxy named a client, and all addresses and hosts are this machine's."""
    elements = _elements(value)
    return elements is not None and all(
        any(name == "for" for name, _ in pairs)
        and _are_local([text for name, text in pairs if name in ("for", "by", "host")])
        for pairs in elements
    )


def _elements(value: str) -> list[list[tuple[str, str]]] | None:
    """Return the pairs of each element of a ``Forwarded`` header; ``None`` if it is malformed."""
    elements: list[list[tuple[str, str]]] = [[]]
    position = 0
    while match := _PAIR.match(value, position):
        text = match[2]
        if text.startswith('"'):
            text = re.sub(r"\\(.)", r"\1", text[1:-1])
        elements[-1].append((match[1].lower(), text))
        position = match.end()
        if position == len(value):
            return elements
        if value[position] == ",":
            elements.append([])
        elif value[position] != ";":
            return None
        position += 1
    return None
