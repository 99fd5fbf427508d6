"""What a name may cost that is slow to resolve, or leads to very many addresses."""

import threading
from collections.abc import Sequence
from ipaddress import ip_network

import pytest

from agentos import OutboundClient, OutboundFailed, OutboundPolicy
from agentos.http.dialer import LOOKUPS, MAX_ADDRESSES
from parts.site import Names, Site
from parts.waiting import until

HERE = OutboundPolicy(ports=None, allow_networks=(ip_network("127.0.0.0/8"),))


class SlowNames:
    """Resolves every name once it may, and counts how many wait for that."""

    def __init__(self) -> None:
        self.waiting = 0
        self.may = threading.Event()
        self._lock = threading.Lock()

    def __call__(self, host: str, port: int) -> Sequence[str]:
        with self._lock:
            self.waiting += 1
        assert self.may.wait(10)
        with self._lock:
            self.waiting -= 1
        return ["127.0.0.1"]


def test_slow_names_are_looked_up_a_few_at_a_time_and_all_in_the_end(site: Site) -> None:
    names = SlowNames()
    client = OutboundClient(policy=HERE, resolver=names, timeout=10)
    statuses: list[int] = []

    def fetch(number: int) -> None:
        statuses.append(client.fetch("GET", f"http://name{number}.test:{site.port}/").status)

    threads = [threading.Thread(target=fetch, args=(number,)) for number in range(LOOKUPS + 3)]
    for thread in threads:
        thread.start()
    until(lambda: names.waiting == LOOKUPS)
    with pytest.raises(OutboundFailed, match="in time"):
        OutboundClient(policy=HERE, resolver=names, timeout=0.2).fetch("GET", f"http://late.test:{site.port}/")
    assert names.waiting == LOOKUPS
    names.may.set()
    for thread in threads:
        thread.join(10)
    assert statuses == [200] * (LOOKUPS + 3)


@pytest.mark.parametrize(("refusing", "reached"), [(MAX_ADDRESSES - 1, True), (MAX_ADDRESSES, False)])
def test_of_very_many_addresses_the_first_few_are_tried(site: Site, refusing: int, reached: bool) -> None:
    # Nobody listens at these, which are this machine's too.
    addresses = [f"127.1.0.{number}" for number in range(1, refusing + 1)]
    client = OutboundClient(policy=HERE, resolver=Names({"many.test": [[*addresses, "127.0.0.1"]]}), timeout=5)
    if reached:
        assert client.fetch("GET", f"http://many.test:{site.port}/").status == 200
    else:
        with pytest.raises(OutboundFailed, match="cannot be reached"):
            client.fetch("GET", f"http://many.test:{site.port}/")
