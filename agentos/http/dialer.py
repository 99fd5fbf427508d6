"""Resolves host names and checks where they lead. Only the addresses that were checked are connected to."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable, Sequence

from agentos.cancellation import Cancellation
from agentos.http.deadline import CallDeadline
from agentos.http.failures import OutboundFailed
from agentos.http.policy import OutboundPolicy
from agentos.http.urls import Target

MAX_ADDRESSES = 8
"""Of one host, those that are tried. A name may lead to thousands, and each attempt takes a socket until the end."""

LOOKUPS = 5
"""Look-ups of names at once in this process, so that names which answer slowly, maybe on purpose, hold up only each
other: a cooperative worker has ten places for all look-ups, those of model servers and the database among them."""

_lookups = threading.BoundedSemaphore(LOOKUPS)

Resolver = Callable[[str, int], Sequence[str]]
"""Returns the addresses of a host name and port; raises ``OSError`` when there are none."""

Endpoint = tuple[socket.AddressFamily, tuple[str | int, ...] | tuple[int, bytes]]
"""What a socket is made with, and what it connects to."""


def system_resolver(host: str, port: int) -> Sequence[str]:
    """Return the addresses that the operating system knows of a host."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def endpoints_of(
    target: Target, policy: OutboundPolicy, resolver: Resolver, deadline: CallDeadline, cancellation: Cancellation
) -> list[Endpoint]:
    """Return where to connect for a target; raise ``OutboundRefused`` unless all of its addresses are allowed."""
    found = [target.host] if target.address is not None else _look_up(target, resolver, deadline, cancellation)
    checked = policy.check_addresses(target.host, found)[:MAX_ADDRESSES]
    return [(socket.AF_INET6 if ":" in one else socket.AF_INET, (one, target.port)) for one in checked]


def _look_up(target: Target, resolver: Resolver, deadline: CallDeadline, cancellation: Cancellation) -> Sequence[str]:
    """Look up in a thread that is left behind when it is late: a look-up cannot be cut."""
    found: queue.SimpleQueue[Sequence[str] | Exception] = queue.SimpleQueue()
    longest = deadline.begin_wait()

    def ask() -> None:
        if not _lookups.acquire(timeout=longest):
            return  # the caller does not wait for the answer any more
        try:
            found.put(resolver(target.host, target.port))
        except Exception as error:  # noqa: BLE001  # a resolver is other people's code; raised below
            found.put(error)
        finally:
            _lookups.release()

    threading.Thread(target=ask, name="http-resolver", daemon=True).start()
    while True:
        cancellation.check()
        try:
            answer = found.get(timeout=min(0.1, deadline.begin_wait()))
        except queue.Empty:
            continue
        finally:
            deadline.end_wait()
        if isinstance(answer, Exception):
            raise OutboundFailed(f"host {target.host!r} cannot be resolved") from answer
        return answer
