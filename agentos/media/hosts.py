"""Which hosts attachments may be named at, from the settings."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network

from agentos.config import Config
from agentos.errors import ConfigError
from agentos.http.addresses import Address, AddressClass, classify, read_address
from agentos.http.policy import OutboundPolicy
from agentos.http.urls import DEFAULT_PORTS, host_pattern, is_internal_name


def policy_of(config: Config) -> OutboundPolicy:
    """Return the policy of ``media_hosts`` and ``media_hosts_denied``.

    An entry of ``media_hosts`` that can only be internal by its text (``minio``, ``*.corp.internal``, ``10.1.2.3``) is
    the operator's word that it may be reached. Any other name stays one of the public internet, wherever it leads: a
    list that is to restrict must not open anything by itself. Clouds' metadata addresses are never opened.

    Raises :class:`~agentos.errors.ConfigError` for what is no host.
    """
    allowed = _patterns("media_hosts", config.media_hosts)
    denied = _patterns("media_hosts_denied", config.media_hosts_denied)
    return OutboundPolicy(
        allow_hosts=allowed,
        deny_hosts=denied,
        deny_networks=tuple(map(ip_network, _addresses(denied))),
        private_hosts=tuple(filter(_is_internal, allowed)),
        allow_networks=tuple(ip_network(one) for one in _addresses(allowed) if classify(one) is AddressClass.PRIVATE),
        # What we fetch ourselves is on the web's ports, or on a host that the operator vouches for.
        ports=frozenset(DEFAULT_PORTS.values()) if config.media_fetch and not allowed else None,
    )


def public_names(policy: OutboundPolicy) -> list[str]:
    """Return the allowed hosts that clients may see."""
    return [entry for entry in policy.allow_hosts if _address(entry) is None and not _is_internal(entry)]


def _patterns(setting: str, texts: Iterable[str]) -> tuple[str, ...]:
    try:
        return tuple(map(host_pattern, texts))
    except ValueError as error:
        raise ConfigError(
            f"setting {setting!r} is {texts!r}; accepted: host names, *.example.com for all below one, and IP addresses"
        ) from error


def _addresses(patterns: Iterable[str]) -> list[Address]:
    return [address for pattern in patterns if (address := _address(pattern)) is not None]


def _address(pattern: str) -> Address | None:
    try:
        return read_address(pattern)
    except ValueError:
        return None


def _is_internal(pattern: str) -> bool:
    return is_internal_name(pattern.replace("*", "any", 1))
