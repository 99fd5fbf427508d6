"""One server's connections, and the calls that are made on them."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from agentos._version import __version__
from agentos.cancellation import Cancellation
from agentos.errors import ProviderError
from agentos.http.connection import ModelConnection
from agentos.http.deadline import Pace
from agentos.http.head import request_head, with_body
from agentos.http.response import Response, receive_response
from agentos.http.routes import route_to
from agentos.http.watch import Watch
from agentos.models.request import ModelRequest
from agentos.models.wire.failures import CONNECTION_FAILURES, named

OURS = {"User-Agent": f"agentos/{__version__}", "Accept-Encoding": "identity"}
"""Sent in place of what was given. A compressed stream comes in larger pieces, which is later."""
IDLE_SECONDS = 45.0
"""Below the minute after which the strictest load balancers forget a silent connection without a word."""


@dataclass(frozen=True, slots=True)
class Extra:
    """What goes with one request besides the usual; ``query`` is encoded already."""

    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""


class Transport:
    """Calls to one model server over connections that are kept alive. Used from many threads at once.

    Nothing is opened before the first call. Redirects are not followed, nothing is sent twice, but for one case: a kept
    connection that turns out to be dead before a byte of the answer came is replaced once by a new one.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token_timeout: float,
        connect_timeout: float = 5.0,
        max_idle: int = 64,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._route = route_to(base_url)
        self._token_timeout = token_timeout
        self._connect_timeout = connect_timeout
        self._max_idle = max_idle
        self._tls = tls
        self._watch = Watch()
        self._made: tuple[str, dict[str, str], bytes] | None = None
        self._lock = threading.Lock()
        self._idle: list[ModelConnection] = []
        self._closed = False

    @contextmanager
    def post(
        self, path: str, body: bytes, headers: Mapping[str, str], *, request: ModelRequest, extra: Extra | None = None
    ) -> Iterator[Response]:
        """POST to a path below the base URL, within the request's deadline and until it is cancelled.

        ``extra`` are headers and a query for this request alone.

        The connection is kept for the next call if the whole body was read, else dropped. Raises
        :class:`~agentos.errors.ProviderUnavailable` when the server cannot be reached, breaks off or is silent for too
        long, :class:`~agentos.errors.ProviderError` when it does not speak HTTP,
        :class:`~agentos.errors.RunTimeout` after the deadline, and the cancellation's cause.
        """
        pace = Pace(deadline=request.deadline, silence=self._token_timeout)
        call = _Call(request.cancellation)
        with request.cancellation.cutting(call.cut), self._watch.over(pace, call.cut):
            try:
                response = self._exchange(call, pace, with_body(self._head(path, headers, extra), body))
            except BaseException as error:
                call.drop()
                if isinstance(error, CONNECTION_FAILURES):
                    raise named(error) from error
                if isinstance(error, ValueError):
                    # Not chained: its text may quote what holds the key.
                    raise ProviderError(
                        "the request cannot be sent: API key, base URL or extra headers hold characters that HTTP does"
                        " not allow"
                    ) from None
                raise
            try:
                yield response
            finally:
                if response.reusable and not pace.over and request.cancellation.cause is None:
                    self._keep(call.release())
                else:
                    call.drop()

    def close(self) -> None:
        """Close what is idle, and from now on every connection after its call."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _head(self, path: str, headers: Mapping[str, str], extra: Extra | None) -> bytes:
        """Return the head of a request, which is the same from call to call for as long as its headers are."""
        if extra is not None:
            return self._make_head(path, headers, extra)
        made = self._made
        if made is None or made[0] != path or made[1] != headers:
            made = self._made = (path, dict(headers), self._make_head(path, headers, Extra()))
        return made[2]

    def _make_head(self, path: str, headers: Mapping[str, str], extra: Extra) -> bytes:
        route = self._route
        fields: dict[str, tuple[str, str]] = {}
        # A name may be written in several ways, but a field that stands twice may mean anything.
        for given in ({"Host": route.authority}, route.headers, headers, extra.headers, OURS):
            fields |= {name.lower(): (name, value) for name, value in given.items()}
        return request_head("POST", route.target(path, extra.query), dict(fields.values()))

    def _exchange(self, call: _Call, pace: Pace, request: bytes) -> Response:
        kept = self._take()
        if kept is not None:
            call.use(kept)
            kept.pace = pace
            try:
                kept.send_all(request)
                return receive_response(kept, call.cancellation)
            except ConnectionError:
                call.drop()
                if pace.received:
                    raise
                call.cancellation.check()
        connection = self._route.connection(self._tls)
        call.use(connection)
        connection.open(pace, timeout=self._connect_timeout)
        call.cancellation.check()
        connection.send_all(request)
        return receive_response(connection, call.cancellation)

    def _take(self) -> ModelConnection | None:
        now = time.monotonic()
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if now - connection.idle_since < IDLE_SECONDS and connection.is_quiet():
                return connection
            connection.close()

    def _keep(self, connection: ModelConnection) -> None:
        connection.idle_since = time.monotonic()
        with self._lock:
            if not self._closed and len(self._idle) < self._max_idle:
                self._idle.append(connection)
                return
        connection.close()


class _Call:
    """The connection that a call uses at present, for whoever wants to cut it."""

    def __init__(self, cancellation: Cancellation) -> None:
        self.cancellation = cancellation
        self._connection: ModelConnection | None = None
        self._lock = threading.Lock()

    def use(self, connection: ModelConnection) -> None:
        self._connection = connection
        self.cancellation.check()

    def release(self) -> ModelConnection:
        """Give the connection back: a cut that comes too late must not hit the next call on it."""
        with self._lock:
            connection, self._connection = self._connection, None
        assert connection is not None, "a call that was answered has a connection"
        return connection

    def cut(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.cut()

    def drop(self) -> None:
        if self._connection is not None:
            self._connection.abort()
