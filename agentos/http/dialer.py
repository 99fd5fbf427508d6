"""What one request and its redirects may use: checked addresses, so much time, so many bytes."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from agentos.http.failures import OutboundFailed, OutboundRefused
from agentos.http.policy import OutboundPolicy
from agentos.http.urls import Target

CONNECT_TIMEOUT = 5.0

MAX_ADDRESSES = 8
"""Of one host, those that are tried. A name may lead to thousands, and each attempt takes a socket until the end."""

LOOKUPS = 5
"""Look-ups of names at once in this process, so that names which answer slowly, maybe on purpose, hold up only each
other: a cooperative worker has ten places for all look-ups, those of model servers and the database among them."""

_lookups = threading.BoundedSemaphore(LOOKUPS)

Resolver = Callable[[str, int], Sequence[str]]
"""Returns the addresses of a host name and port; raises ``OSError`` when there are none."""


def system_resolver(host: str, port: int) -> Sequence[str]:
    """Return the addresses that the operating system knows of a host."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Line:
    """Connects to the checked addresses of one host at a time, until a deadline; can be cut from another thread.

    ``deadline`` is a ``time.monotonic()`` value, and ends everything, whatever trickles in; ``max_received`` (bytes)
    ends what never stops coming.
    """

    def __init__(self, policy: OutboundPolicy, resolver: Resolver, deadline: float, max_received: int) -> None:
        self._policy = policy
        self._resolver = resolver
        self._deadline = deadline
        self._left = max_received
        self._host = ""
        self._addresses: list[str] = []
        self._handles: list[socket.socket] = []
        self._lock = threading.Lock()
        self._cut = threading.Event()

    @contextmanager
    def open(self) -> Iterator[None]:
        """Cut everything at the deadline, and let go of it at the end."""
        timer = threading.Timer(self.remaining(), self.cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            with self._lock:
                for handle in self._handles:
                    handle.close()
                self._handles.clear()

    def remaining(self) -> float:
        """Return the seconds that are left, at least a millisecond."""
        return max(0.001, self._deadline - time.monotonic())

    def check(self) -> None:
        """Raise if the line was cut. A body that was cut may look like one that ended."""
        if self._cut.is_set() or time.monotonic() >= self._deadline:
            raise OutboundFailed("no complete answer came in time")

    def receive(self, count: int) -> None:
        """Count bytes that arrived; raise when they are too many."""
        self._left -= count
        if self._left < 0:
            raise OutboundFailed("the server sends more than is accepted")

    def cut(self) -> None:
        """Make whatever waits on this line return at once."""
        self._cut.set()
        with self._lock:
            for handle in self._handles:
                # Not connected yet, or not any more: then there is nothing to cut.
                with contextlib.suppress(OSError):
                    handle.shutdown(socket.SHUT_RDWR)

    def aim(self, target: Target) -> None:
        """Resolve the target's host and have its addresses checked; only they are connected to from here on."""
        self.check()
        found = [target.host] if target.address is not None else self._resolve(target)
        self._addresses = self._policy.check_addresses(target.host, found)[:MAX_ADDRESSES]
        self._host = target.host

    def connect(self, host: str, port: int) -> socket.socket:
        """Return a connection to the first checked address that answers."""
        if host.strip("[]").lower() != self._host:
            raise OutboundRefused(f"host {host!r} was not checked")
        failure: OSError = OSError("no address")
        for address in self._addresses:
            self.check()
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                self._hold(sock)
                sock.settimeout(min(CONNECT_TIMEOUT, self.remaining()))
                sock.connect((address, port))
                self.check()
            except BaseException as error:
                sock.close()
                if not isinstance(error, OSError):
                    raise
                failure = error
            else:
                sock.settimeout(self.remaining())
                return sock
        raise failure

    def _hold(self, sock: socket.socket) -> None:
        # Wrapping a socket in TLS moves its descriptor to another object. A second descriptor of the same connection
        # can be shut down all the while.
        with self._lock:
            self._handles.append(sock.dup())
        self.check()

    def _resolve(self, target: Target) -> Sequence[str]:
        """Resolve in a thread that is left behind when it is late: a look-up cannot be cut."""
        answers: queue.SimpleQueue[Sequence[str] | Exception | None] = queue.SimpleQueue()

        def ask() -> None:
            if not _lookups.acquire(timeout=self.remaining()):
                return  # and nobody waits for the answer any more
            try:
                answers.put(self._resolver(target.host, target.port))
            except Exception as error:  # noqa: BLE001  # a resolver is other people's code; raised below
                answers.put(error)
            finally:
                _lookups.release()

        threading.Thread(target=ask, name="outbound-resolve", daemon=True).start()
        answer: Sequence[str] | Exception | None = None
        while answer is None:
            self.check()
            with contextlib.suppress(queue.Empty):
                answer = answers.get(timeout=min(0.1, self.remaining()))
        if isinstance(answer, Exception):
            raise OutboundFailed(f"host {target.host!r} cannot be resolved") from answer
        return answer
