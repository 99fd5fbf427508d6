"""The settings of the tools, and the client that they describe."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from agentos import Kind, OutboundClient, OutboundPolicy, RegisterSetting, kinds

_NETWORKS = "networks like 10.1.0.0/16, separated by commas"
_FLAGS = {"0": False, "false": False, "no": False, "off": False, "1": True, "true": True, "yes": True, "on": True}


def register_rows(register: RegisterSetting) -> None:
    """Register the settings. Their defaults are those of the client."""
    register(
        "http_allow_hosts",
        Kind("host names, also *.example.com, separated by commas", _allowed),
        "",
        "The only hosts that may be reached. Empty: any public host.",
    )
    register(
        "http_deny_hosts",
        Kind(f"host names, also *.example.com, and {_NETWORKS}", _denied),
        "",
        "Hosts and networks that may not be reached, even if another setting allows them.",
    )
    register(
        "http_allow_private",
        Kind(f"0, 1, or {_NETWORKS}", _private),
        "0",
        "Whether private networks and this machine may be reached: 1 for all of them, or the ones to open.",
    )
    register(
        "http_ports", Kind("port numbers, separated by commas, or any", _ports), "80,443", "Ports that may be reached."
    )
    register(
        "http_timeout", kinds.seconds(0.1, 3600), 20.0, "Longest time of one request in seconds, redirects included."
    )
    register("http_max_size", kinds.SIZE, 2 * 1024**2, "Most that is read of an answer, decompressed.")
    register(
        "http_ca_bundle",
        Kind("the path of a file of certificates in PEM form", _file),
        None,
        "Certificates to trust instead of the public authorities.",
    )


def client_from(settings: Mapping[str, Any]) -> OutboundClient:
    """Return the client that the settings describe."""
    private = settings["http_allow_private"]
    denied = settings["http_deny_hosts"]
    return OutboundClient(
        policy=OutboundPolicy(
            allow_hosts=settings["http_allow_hosts"],
            deny_hosts=tuple(item for item in denied if not _is_network(item)),
            deny_networks=tuple(ip_network(item) for item in denied if _is_network(item)),
            allow_private=private is True,
            allow_networks=() if isinstance(private, bool) else tuple(map(ip_network, private)),
            ports=None if settings["http_ports"] == "any" else frozenset(settings["http_ports"]),
        ),
        timeout=settings["http_timeout"],
        max_size=settings["http_max_size"],
        ca_bundle=settings["http_ca_bundle"],
        user_agent="agentos-http/0.1",
    )


def _items(value: Any) -> list[str]:
    """Return the items of a text, or of a list in the file or in code."""
    if isinstance(value, str):
        return [item for item in re.split(r"[,\s]+", value) if item]
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise ValueError(value)
    return list(value)


def _allowed(value: Any) -> tuple[str, ...]:
    return tuple(map(OutboundPolicy.host_pattern, _items(value)))


def _denied(value: Any) -> tuple[str, ...]:
    """Return host patterns and networks; an address is a network of one, however it is written or reached."""
    return tuple(
        str(ip_network(item, strict=False)) if _is_network(item) else OutboundPolicy.host_pattern(item)
        for item in _items(value)
    )


def _is_network(item: str) -> bool:
    try:
        ip_network(item, strict=False)
    except ValueError:
        return False
    return True


def _private(value: Any) -> bool | tuple[str, ...]:
    word = str(value).strip().lower()
    return _FLAGS[word] if word in _FLAGS else tuple(str(ip_network(item)) for item in _items(value))


def _ports(value: Any) -> tuple[int, ...] | str:
    if str(value).strip().lower() == "any":
        return "any"
    items = [str(value)] if isinstance(value, int) else _items(value if isinstance(value, str) else [*map(str, value)])
    if not items or not all(re.fullmatch("[0-9]{1,5}", item) and 0 < int(item) < 65536 for item in items):
        raise ValueError(value)
    return tuple(map(int, items))


def _file(value: Any) -> str:
    if not isinstance(value, str) or not Path(value).is_file():
        raise ValueError(value)
    return value
