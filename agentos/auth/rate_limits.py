"""How often one address and one caller may ask: token buckets of the worker, and of a store that all workers share."""

from __future__ import annotations

import math
import threading
from datetime import timedelta
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, NoReturn

from agentos.auth.shared_limits import SharedLimits
from agentos.config import Config
from agentos.errors import RateLimited
from agentos.setting_kinds import Rate

if TYPE_CHECKING:
    from throttled import Throttled

MOST_BUCKETS = 50_000
"""Buckets of each kind that a worker keeps (20 MB). Of more, those go that were not used for longest: they are the
fullest, and a new bucket is full."""

NETWORK_BITS = 64
"""What an IPv6 address begins with belongs to one customer (RFC 6177), who can count through all that follows."""

UNKNOWN = "unknown"
"""All that send what is no address share one bucket: a key is never a text of the sender's choice, nor of their
length."""


class RateLimits:
    """Counts requests against the three rates of the settings; a limit that is off costs nothing.

    Each worker process counts for itself. A client on one connection always meets the same worker, so the limit is not
    divided among them; one that opens many connections is let through at most ``workers`` times as often.

    With ``shared``, what the worker lets through is counted there too, by all limits of the request in one step. The
    worker's own count comes first: it refuses nothing that the shared one would let through.
    """

    def __init__(self, config: Config, shared: SharedLimits | None = None) -> None:
        own = config.sources["address_rate_limit"] != "default"
        self._shared = shared
        self._callers = _buckets("caller", config.rate_limit, "requests of this key", "AGENTOS_RATE_LIMIT")
        self._addresses = _buckets(
            "address",
            config.address_rate_limit,
            "requests of this address",
            "AGENTOS_ADDRESS_RATE_LIMIT" if own else "AGENTOS_RATE_LIMIT",
        )
        self._failures = _buckets(
            "failure",
            config.failed_auth_rate_limit,
            "requests of this address without a valid credential",
            "AGENTOS_FAILED_AUTH_RATE_LIMIT",
        )

    def open(self) -> None:
        """Load what counts, if there is a limit, so that the first request does not wait for it."""
        for buckets in (self._callers, self._addresses, self._failures):
            if buckets is not None:
                buckets.open()

    def check_address(self, address: str) -> None:
        """Count a request of a client's address, at this worker.

        An IPv6 address counts as its network (/64), one that stands for an IPv4 address as that. Raises
        :class:`~agentos.errors.RateLimited` with ``retry_after``.
        """
        if self._addresses is not None:
            self._addresses.take(_network(address))

    def check_caller(self, principal_id: str) -> None:
        """Count a request of a caller who is known, at this worker. Raises likewise."""
        if self._callers is not None:
            self._callers.take(principal_id)

    def check_failure(self, address: str) -> None:
        """Count a request of an address that had no valid credential, at this worker. Raises likewise."""
        if self._failures is not None:
            self._failures.take(_network(address))

    def check_shared(self, address: str, *, caller: str | None = None, failed: bool = False) -> None:
        """Count a request that this worker lets through with those of all workers. Raises likewise."""
        if self._shared is None:
            return
        keys = [
            (self._addresses, _network(address)),
            (self._callers, caller),
            (self._failures, _network(address) if failed else None),
        ]
        counted = [(buckets, key) for buckets, key in keys if buckets is not None and key is not None]
        if not counted:
            return
        refused = self._shared.take([(f"{buckets.name}:{key}", buckets.rate) for buckets, key in counted])
        if refused is not None:
            counted[refused.place][0].refuse(refused.retry_after)


class _Buckets:
    """One bucket for each key, full with ``rate.count`` tokens and filled again at ``rate``, a token a request."""

    def __init__(self, name: str, rate: Rate, counted: str, setting: str) -> None:
        self.name = name
        self.rate = rate
        self._refusal = f"too many {counted}; accepted are {rate} on average ({setting})"
        self._limits: Throttled | None = None
        self._lock = threading.Lock()

    def open(self) -> Throttled:
        """Make the buckets, once."""
        # Only here: its import takes megabytes, which commands and servers without a limit do without.
        from throttled import MemoryStore, Quota, Throttled, rate_limiter

        with self._lock:
            if self._limits is None:
                # The library counts whole seconds; the same rate over a thousand times as long keeps a part of one.
                period = rate_limiter.Rate(timedelta(seconds=self.rate.seconds * 1000), self.rate.count * 1000)
                quota = Quota(period, burst=self.rate.count)
                # GCRA is the token bucket written as one time. The library's own "token_bucket" reads the clock in
                # whole seconds and drops what has dripped into the bucket by a part of a token.
                store = MemoryStore(options={"MAX_SIZE": MOST_BUCKETS})
                self._limits = Throttled(using="gcra", quota=quota, store=store)
            return self._limits

    def take(self, key: str) -> None:
        """Count a request; raise :class:`~agentos.errors.RateLimited` if the bucket is empty."""
        result = (self._limits or self.open()).limit(key)
        if result.limited:
            self.refuse(result.state.retry_after)

    def refuse(self, wait: float) -> NoReturn:
        """Refuse a request, which may come again in ``wait`` seconds."""
        raise RateLimited(f"{self._refusal}; try again in {math.ceil(wait)} s", retry_after=wait)


def _buckets(name: str, rate: Rate | None, counted: str, setting: str) -> _Buckets | None:
    return None if rate is None else _Buckets(name, rate, counted, setting)


def _network(address: str) -> str:
    if address.startswith("["):
        address = address[1:].partition("]")[0]  # Some proxies add the port: [2001:db8::1]:50000, 192.0.2.1:50000.
    elif address.count(":") == 1:
        address = address.partition(":")[0]
    try:
        parsed = ip_address(address)
    except ValueError:
        return UNKNOWN
    if not isinstance(parsed, IPv6Address):
        return address
    mapped = parsed.ipv4_mapped
    return str(mapped) if mapped is not None else f"{int(parsed) >> (128 - NETWORK_BITS):x}::"
