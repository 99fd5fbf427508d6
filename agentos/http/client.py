"""One server's connections, and the calls that are made on them."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from agentos._version import __version__
from agentos.cancellation import Cancellation
from agentos.http.connection import CONNECT_TIMEOUT, CONNECTION_FAILURES, Connection
from agentos.http.deadline import NEVER, CallDeadline, monitor
from agentos.http.failures import TooMuch
from agentos.http.headers import header_lines, request_head, with_body
from agentos.http.response import Response, ToError, receive_response
from agentos.http.routes import route_to
from agentos.observability.tracing import trace_headers

USER_AGENT = f"agentos/{__version__}"
OURS = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
"""Sent in place of what was given. A compressed stream comes in larger pieces, which is later."""
IDLE_SECONDS = 45.0
"""Below the minute after which the strictest load balancers forget a silent connection without a word."""


class HTTPClient:
    """Calls to one server that the operator named, over connections that are kept alive. Used from many threads.

    Nothing is opened before the first call. Redirects are not followed, nothing is sent twice, but for one case: a kept
    connection that turns out to be dead before a byte of the answer came is replaced once by a new one.

    ``silence`` (seconds) is the longest wait for the next byte. ``proxies`` are those of the environment. ``to_error``
    makes the caller's own error of a :data:`~agentos.http.connection.CONNECTION_FAILURES`, and of the ``ValueError``
    for a request that HTTP cannot carry.
    """

    def __init__(
        self,
        base_url: str,
        *,
        silence: float,
        connect_timeout: float = CONNECT_TIMEOUT,
        max_idle: int = 64,
        tls: ssl.SSLContext | None = None,
        proxies: bool = True,
        to_error: ToError | None = None,
    ) -> None:
        self._route = route_to(base_url, proxies=proxies)
        self._silence = silence
        self._connect_timeout = connect_timeout
        self._max_idle = max_idle
        self._tls = tls
        self._to_error = to_error
        self._made: tuple[Any, bytes] | None = None
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        self._closed = False

    @property
    def origin(self) -> str:
        """Scheme, host and port, as people write them."""
        return f"http{'s' if self._route.secure else ''}://{self._route.authority}"

    @contextmanager
    def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        query: str = "",
        deadline: float,
        cancellation: Cancellation | None = None,
    ) -> Iterator[Response]:
        """Send a request to a path below the base URL, within the deadline and until it is cancelled.

        ``query`` is encoded already; ``deadline`` is a ``time.monotonic()`` value. The connection is kept for the next
        call if the whole body was read, else dropped.
        """
        call = Call(CallDeadline(deadline, silence=self._silence), cancellation or Cancellation())
        with call.running():
            try:
                # The span is another one in each call, so it is not in the head that is kept.
                head = self._head(method, path, query, headers) + header_lines(trace_headers(headers))
                response = self._exchange(call, with_body(head, body))
            except BaseException as error:
                call.drop()
                if self._to_error is not None and isinstance(error, (*CONNECTION_FAILURES, ValueError)):
                    # A ValueError is not chained: its text may quote what holds the key.
                    raise self._to_error(error) from (None if isinstance(error, ValueError) else error)
                raise
            response.to_error = self._to_error
            try:
                yield response
            finally:
                if response.reusable and not call.stopped:
                    self._keep(call.release())
                else:
                    call.drop()

    def get(self, path: str, headers: Mapping[str, str], *, seconds: float, limit: int) -> tuple[int, bytes]:
        """Return the status and the body of an answer in JSON, within seconds and bytes."""
        sent = {**headers, "Accept": "application/json"}
        with self.request("GET", path, sent, deadline=time.monotonic() + seconds) as response:
            body = response.read_body(limit)
        if len(body) > limit:
            raise TooMuch(f"the answer has more than {limit} bytes")
        return response.status, body

    def close(self) -> None:
        """Close what is idle, and from now on every connection after its call."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _head(self, method: str, path: str, query: str, headers: Mapping[str, str]) -> bytes:
        """Return the head of a request, which is the same from call to call for as long as its headers are."""
        made, route = self._made, self._route
        if made is None or made[0] != (method, path, query, headers):
            fields: dict[str, tuple[str, str]] = {}
            # A name may be written in several ways, but a field that stands twice may mean anything.
            for given in ({"Host": route.authority}, route.headers, headers, OURS):
                fields |= {name.lower(): (name, value) for name, value in given.items()}
            head = request_head(method, route.target(path, query), dict(fields.values()))
            made = self._made = ((method, path, query, dict(headers)), head)
        return made[1]

    def _exchange(self, call: Call, request: bytes) -> Response:
        kept = self._take()
        if kept is not None:
            try:
                kept.deadline = call.deadline
                return call.exchange(kept, request)
            except ConnectionError:
                call.drop()
                if call.deadline.received:
                    raise
        connection = self._route.connection(self._tls)
        call.open(connection, self._connect_timeout)
        return call.exchange(connection, request)

    def _take(self) -> Connection | None:
        now = time.monotonic()
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if now - connection.idle_since < IDLE_SECONDS and connection.is_quiet():
                return connection
            connection.close()

    def _keep(self, connection: Connection) -> None:
        connection.idle_since = time.monotonic()
        with self._lock:
            if not self._closed and len(self._idle) < self._max_idle:
                self._idle.append(connection)
                return
        connection.close()


class Call:
    """One call: its limits, and the connection that it uses at present, so that another thread can cut it."""

    def __init__(self, deadline: CallDeadline, cancellation: Cancellation) -> None:
        self.deadline = deadline
        self.cancellation = cancellation
        self._connection: Connection | None = None
        self._lock = threading.Lock()

    @property
    def stopped(self) -> bool:
        """The call took too long or was cancelled: a cut may have hit its connection."""
        return self.deadline.over or self.cancellation.cause is not None

    @contextmanager
    def running(self) -> Iterator[None]:
        """While the block runs, let the deadline and the cancellation cut the call."""
        with self.cancellation.cutting(self.cut), monitor.watching(self.deadline, self.cut):
            yield

    def open(self, connection: Connection, timeout: float = NEVER) -> None:
        """Connect, and use this connection from now on."""
        self._use(connection)
        connection.open(self.deadline, timeout=timeout)

    def exchange(
        self, connection: Connection, request: bytes, *, tolerant: bool = False, bodiless: bool = False
    ) -> Response:
        """Send a request on an open connection and return the answer to it."""
        self._use(connection)
        connection.send_all(request)
        return receive_response(connection, self.cancellation, tolerant=tolerant, bodiless=bodiless)

    def release(self) -> Connection:
        """Give the connection back: a cut that comes too late must not hit the next call on it."""
        with self._lock:
            connection, self._connection = self._connection, None
        assert connection is not None, "a call that was answered has a connection"
        return connection

    def cut(self) -> None:
        """Make every wait of this call return at once."""
        with self._lock:
            if self._connection is not None:
                self._connection.cut()

    def drop(self) -> None:
        """Close the connection at once, so that the server learns that the call is over."""
        if self._connection is not None:
            self._connection.abort()

    def _use(self, connection: Connection) -> None:
        self._connection = connection
        self.cancellation.check()
