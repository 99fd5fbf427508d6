"""The settings of the tools, read from the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

from agentos import OutboundClient, OutboundPolicy
from agentos.setting_kinds import SIZE, Kind, seconds
from agentos.settings import Setting

Network = IPv4Network | IPv6Network


def _items(value: str) -> list[str]:
    return [item for item in re.split(r"[,\s]+", value) if item]


def _allowed(value: str) -> tuple[str, ...]:
    return tuple(map(OutboundPolicy.host_pattern, _items(value)))


def _denied(value: str) -> tuple[tuple[str, ...], tuple[Network, ...]]:
    """Return names and networks; an address is both, as it is written and as others lead to it."""
    hosts: list[str] = []
    networks: list[Network] = []
    for item in _items(value):
        try:
            networks.append(ip_network(item, strict=False))
        except ValueError:
            hosts.append(OutboundPolicy.host_pattern(item))
    return tuple(hosts), tuple(networks)


def _private(value: str) -> tuple[bool, tuple[Network, ...]]:
    words = {"0": False, "false": False, "no": False, "off": False, "1": True, "true": True, "yes": True, "on": True}
    if value.strip().lower() in words:
        return words[value.strip().lower()], ()
    return False, tuple(ip_network(item) for item in _items(value))


def _ports(value: str) -> frozenset[int] | None:
    if value.strip().lower() == "any":
        return None
    items = _items(value)
    if not items or not all(re.fullmatch("[0-9]{1,5}", item) and 0 < int(item) < 65536 for item in items):
        raise ValueError(value)
    return frozenset(map(int, items))


def _file(value: str) -> str:
    if not Path(value).is_file():
        raise ValueError(value)
    return value


_NETWORKS = "networks like 10.1.0.0/16, separated by commas"
SETTINGS = {
    setting.name: setting
    for setting in (
        Setting(
            "http_allow_hosts",
            Kind("host names, also *.example.com, separated by commas", _allowed),
            "",
            "The only hosts that may be reached. Empty: any public host.",
            ("AGENTOS_HTTP_ALLOW_HOSTS",),
        ),
        Setting(
            "http_deny_hosts",
            Kind(f"host names, also *.example.com, and {_NETWORKS}", _denied),
            "",
            "Hosts and networks that may not be reached, even if another setting allows them.",
            ("AGENTOS_HTTP_DENY_HOSTS",),
        ),
        Setting(
            "http_allow_private",
            Kind(f"0, 1, or {_NETWORKS}", _private),
            "0",
            "Whether private networks and this machine may be reached: 1 for all of them, or the ones to open.",
            ("AGENTOS_HTTP_ALLOW_PRIVATE",),
        ),
        Setting(
            "http_ports",
            Kind("port numbers, separated by commas, or any", _ports),
            "80,443",
            "Ports that may be reached.",
            ("AGENTOS_HTTP_PORTS",),
        ),
        Setting(
            "http_timeout",
            seconds(0.1, 3600),
            "20",
            "Longest time of one request, redirects included.",
            ("AGENTOS_HTTP_TIMEOUT",),
        ),
        Setting(
            "http_max_size", SIZE, "2 MiB", "Most that is read of an answer, decompressed.", ("AGENTOS_HTTP_MAX_SIZE",)
        ),
        Setting(
            "http_ca_bundle",
            Kind("the path of a file of certificates in PEM form", lambda value: value and _file(value)),
            "",
            "Certificates to trust instead of the public authorities.",
            ("AGENTOS_HTTP_CA_BUNDLE",),
        ),
    )
}


def client_from(environ: Mapping[str, str] = os.environ) -> OutboundClient:
    """Return the client that the environment describes; raise :class:`~agentos.errors.ConfigError` for a bad value."""
    values: dict[str, Any] = {}
    for setting in SETTINGS.values():
        given = environ.get(setting.env[0]) or setting.default
        values[setting.name] = setting.parse(given, setting.env[0])
    deny_hosts, deny_networks = values["http_deny_hosts"]
    allow_private, allow_networks = values["http_allow_private"]
    policy = OutboundPolicy(
        allow_hosts=values["http_allow_hosts"],
        deny_hosts=deny_hosts,
        deny_networks=deny_networks,
        allow_private=allow_private,
        allow_networks=allow_networks,
        ports=values["http_ports"],
    )
    return OutboundClient(
        policy=policy,
        timeout=values["http_timeout"],
        max_size=values["http_max_size"],
        ca_bundle=values["http_ca_bundle"] or None,
        user_agent="agentos-http/0.1",
    )
