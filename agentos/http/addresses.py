"""Which IP addresses are the public internet's, and which lead somewhere else."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class AddressClass(Enum):
    """Where an address leads."""

    PUBLIC = "public"
    PRIVATE = "private"
    """This machine, or the network that it stands in."""
    SPECIAL = "special"
    """Never a web server: clouds' metadata, link-local, multicast, reserved, and other spellings of addresses."""


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)


# IANA's special-purpose registries (RFC 6890 and its updates), listed here because ``ipaddress.is_global`` says yes to
# several of them on some Python versions, and to all clouds' metadata addresses in public or shared space.
_SPECIAL = _networks(
    "168.63.129.16/32",  # Azure
    "100.100.100.200/32",  # Alibaba Cloud
    "fd00:ec2::/32",  # Amazon
    "fd20:ce::/32",  # Google
    "2001::/23",  # Teredo, ORCHID, benchmarks
    "2002::/16",  # 6to4
    *("0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15"),
    *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "2001:db8::/32", "3fff::/20"),
)
_PRIVATE = _networks(
    "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
# The interface identifier of ISATAP (RFC 5214), which holds an IPv4 address of the site.
_ISATAP = (0x00005EFE, 0x02005EFE)


def read_address(text: str) -> Address:
    """Return the address, an IPv4 one where IPv6 merely wraps it; raise ``ValueError`` for anything else.

    IPv4-mapped addresses are the same place, and NAT64's (RFC 6052) are what every IPv4 host resolves to in a network
    without IPv4, so that they are as public as what they hold.
    """
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def classify(address: Address) -> AddressClass:
    """Return where an address of :func:`read_address` leads."""
    if is_within(address, _SPECIAL):
        return AddressClass.SPECIAL
    if is_within(address, _PRIVATE):
        return AddressClass.PRIVATE
    if isinstance(address, IPv6Address) and (
        # Outside of it are IPv4-compatible, translated, link-local, site-local and multicast addresses.
        address not in _GLOBAL_UNICAST or (int(address) >> 32) & 0xFFFFFFFF in _ISATAP
    ):
        return AddressClass.SPECIAL
    return AddressClass.PUBLIC


def is_within(address: Address, networks: Iterable[Network]) -> bool:
    """Whether an address is in one of the networks; those of the other version do not hold it."""
    return any(address in network for network in networks)
