"""Connections that go to the checked addresses of one host, have one deadline, and can be cut from another thread."""

from __future__ import annotations

import contextlib
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from agentos_http.guard import HostPolicy, Resolver, Target, UrlRefused

CONNECT_TIMEOUT = 5.0


class FetchFailed(RuntimeError):
    """The request was allowed and did not succeed; the message says why."""


def system_resolver(host: str, port: int) -> Sequence[str]:
    """Return the addresses that the operating system knows of a host."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Line:
    """What one request and its redirects may use: the addresses that were checked, until a deadline.

    ``deadline`` is a ``time.monotonic()`` value. It ends everything, whatever trickles in.
    """

    def __init__(self, policy: HostPolicy, resolver: Resolver, deadline: float) -> None:
        self._policy = policy
        self._resolver = resolver
        self._deadline = deadline
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
            raise FetchFailed("no complete answer came in time")

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
        self._addresses = self._policy.check_addresses(target.host, found)
        self._host = target.host

    def connect(self, host: str, port: int) -> socket.socket:
        """Return a connection to the first checked address that answers."""
        if host.strip("[]").lower() != self._host:
            raise UrlRefused(f"host {host!r} was not checked")
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
            try:
                answers.put(self._resolver(target.host, target.port))
            except Exception as error:  # noqa: BLE001  # a resolver is other people's code; raised below
                answers.put(error)

        threading.Thread(target=ask, name="http-resolve", daemon=True).start()
        answer: Sequence[str] | Exception | None = None
        while answer is None:
            self.check()
            with contextlib.suppress(queue.Empty):
                answer = answers.get(timeout=min(0.1, self.remaining()))
        if isinstance(answer, Exception):
            raise FetchFailed(f"host {target.host!r} cannot be resolved") from answer
        return answer


class _Connection(HTTPConnection):
    def __init__(self, *arguments: Any, line: Line, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._line = line

    def _new_conn(self) -> socket.socket:
        return self._line.connect(self.host, self.port or 0)


class _TlsConnection(_Connection, HTTPSConnection):
    """The same with TLS: name and certificate are the host's, the connection goes to the address."""


class LineAdapter(HTTPAdapter):
    """Sends requests over a line: no proxies, no retries, no connections from elsewhere."""

    def __init__(self, line: Line, tls: Callable[[], ssl.SSLContext]) -> None:
        super().__init__()
        self._line = line
        self._tls = tls

    def build_connection_pool_key_attributes(self, request: PreparedRequest, verify: Any, cert: Any = None) -> Any:
        """Return where to connect and, for TLS, the context with the trusted authorities."""
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        if host["scheme"] != "https":
            return host, pool
        return host, {**pool, "ssl_context": self._tls()}

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:
        """Return a pool whose connections use the line."""
        pool: Any = super().get_connection_with_tls_context(*arguments, **options)
        connection = _TlsConnection if pool.scheme == "https" else _Connection
        pool.ConnectionCls = partial(connection, line=self._line)
        return pool

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Do nothing: the context has the authorities already, and reading them anew costs 20 ms a connection."""
