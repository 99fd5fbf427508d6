"""Decides whether a URL that came from a model, a client or a web page may be fetched, and at which addresses.

Nothing here touches the network: the client resolves the name, has the addresses checked, and connects to one of them
and to nothing else. A second look-up of the same name may give another answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from agentos.http import urls
from agentos.http.addresses import Address, AddressClass, Network, classify, is_within, read_address
from agentos.http.failures import OutboundRefused
from agentos.http.urls import DEFAULT_PORTS, Target, is_listed, parse_target


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundPolicy:
    """Which hosts may be reached.

    ``allow_hosts`` and ``deny_hosts`` hold what :meth:`host_pattern` returns: names (``example.com``), all names below
    one (``*.example.com``) and addresses; nothing in ``allow_hosts`` means any host. ``deny_networks`` are refused
    under every name. ``allow_private`` opens this machine and the networks that it stands in,
    ``private_hosts`` opens them for these hosts alone, ``allow_networks`` only these networks, special addresses
    included. ``ports`` of ``None`` means any port.
    """

    allow_hosts: tuple[str, ...] = ()
    deny_hosts: tuple[str, ...] = ()
    deny_networks: tuple[Network, ...] = ()
    allow_private: bool = False
    private_hosts: tuple[str, ...] = ()
    allow_networks: tuple[Network, ...] = ()
    ports: frozenset[int] | None = frozenset(DEFAULT_PORTS.values())

    host_pattern = staticmethod(urls.host_pattern)

    def target(self, url: str) -> Target:
        """Return what the URL stands for; raise :class:`OutboundRefused` where its text alone is reason enough."""
        target = parse_target(url)
        if is_listed(target.host, self.deny_hosts):
            raise OutboundRefused(f"host {target.host!r} is not allowed here")
        if target.address is not None:
            self.check_addresses(target.host, [target.host])
        if self.allow_hosts and not is_listed(target.host, self.allow_hosts):
            raise OutboundRefused(f"host {target.host!r} is not allowed; allowed: {', '.join(self.allow_hosts)}")
        if self.ports is not None and target.port not in self.ports:
            accepted = ", ".join(map(str, sorted(self.ports)))
            raise OutboundRefused(f"port {target.port} is not allowed; allowed: {accepted}")
        return target

    def check_addresses(self, host: str, addresses: Iterable[str]) -> list[str]:
        """Return the addresses that a host resolved to; raise :class:`OutboundRefused` if a single one is not allowed.

        One bad address among good ones is a sign of an attack, not of a choice.
        """
        checked = list(dict.fromkeys(addresses))
        if not checked:
            raise OutboundRefused(f"host {host!r} has no address")
        for text in checked:
            try:
                address = read_address(text)
            except ValueError:
                raise OutboundRefused(f"host {host!r} has an address that is none") from None
            if not self._is_allowed(host, address):
                # Which address it is stays here: names of the inside are nothing for the outside to map.
                raise OutboundRefused(
                    f"host {host!r} is not on the public internet, and other networks are not allowed"
                )
        return checked

    def _is_allowed(self, host: str, address: Address) -> bool:
        if is_within(address, self.deny_networks):
            return False
        if is_within(address, self.allow_networks):
            return True
        found = classify(address)
        return found is AddressClass.PUBLIC or (
            found is AddressClass.PRIVATE and (self.allow_private or is_listed(host, self.private_hosts))
        )
