"""One server's connections, and the calls that are made on them."""

from __future__ import annotations

import http.client
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse

from agentos._version import __version__
from agentos.cancellation import Cancellation
from agentos.errors import ProviderError
from agentos.models.request import ModelRequest
from agentos.models.transport.connection import ModelConnection
from agentos.models.transport.pace import Pace
from agentos.models.transport.response import Response, named
from agentos.models.transport.route import route_to

IDLE_SECONDS = 45.0
"""Below the minute after which the strictest load balancers forget a silent connection without a word."""


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
        self._lock = threading.Lock()
        self._idle: list[ModelConnection] = []
        self._closed = False

    @contextmanager
    def post(self, path: str, body: bytes, headers: Mapping[str, str], *, request: ModelRequest) -> Iterator[Response]:
        """POST to a path below the base URL, within the request's deadline and until it is cancelled.

        The connection is kept for the next call if the whole body was read, else dropped. Raises
        :class:`~agentos.errors.ProviderUnavailable` when the server cannot be reached, breaks off or is silent for too
        long, :class:`~agentos.errors.ProviderError` when it does not speak HTTP,
        :class:`~agentos.errors.RunTimeout` after the deadline, and the cancellation's cause.
        """
        pace = Pace(deadline=request.deadline, silence=self._token_timeout)
        call = _Call(request.cancellation)
        head = {"User-Agent": f"agentos/{__version__}", **self._route.headers, **headers}
        with request.cancellation.cutting(call.cut):
            try:
                answer = self._exchange(call, pace, self._route.target(path), body, head)
            except BaseException as error:
                call.drop()
                if isinstance(error, HTTPError | http.client.HTTPException | OSError):
                    raise named(error) from error
                if isinstance(error, ValueError):
                    # Not chained: its text quotes the header, which may hold the key.
                    raise ProviderError(
                        "the request cannot be sent: API key or base URL hold characters that HTTP does not allow"
                    ) from None
                raise
            response = Response(answer, pace, request.cancellation)
            try:
                yield response
            finally:
                if response.complete and call.reusable:
                    self._keep(call.connection)
                else:
                    call.drop()
                    answer.close()

    def close(self) -> None:
        """Close what is idle, and from now on every connection after its call."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _exchange(self, call: _Call, pace: Pace, target: str, body: bytes, headers: dict[str, str]) -> HTTPResponse:
        kept = self._take()
        if kept is not None:
            call.use(kept)
            kept.pace = pace
            try:
                return _ask(kept, target, body, headers)
            except ConnectionError:
                call.drop()
                if pace.received:
                    raise
                call.cancellation.check()
        connection = self._route.connection(self._tls)
        call.use(connection)
        connection.open(pace, timeout=self._connect_timeout)
        call.cancellation.check()
        return _ask(connection, target, body, headers)

    def _take(self) -> ModelConnection | None:
        now = time.monotonic()
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if now - connection.idle_since < IDLE_SECONDS and connection.is_connected:
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

    connection: ModelConnection

    def __init__(self, cancellation: Cancellation) -> None:
        self.cancellation = cancellation

    @property
    def reusable(self) -> bool:
        # http.client lets go of the socket of a response after which the server will close.
        return self.connection.sock is not None and self.cancellation.cause is None

    def use(self, connection: ModelConnection) -> None:
        self.connection = connection
        self.cancellation.check()

    def cut(self) -> None:
        if hasattr(self, "connection"):
            self.connection.cut()

    def drop(self) -> None:
        if hasattr(self, "connection"):
            self.connection.abort()


def _ask(connection: ModelConnection, target: str, body: bytes, headers: dict[str, str]) -> HTTPResponse:
    # A server may refuse a body that it has not read to its end: the reason is in the answer, if there is one.
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.send_request(target, body, headers)
    connection.timeout = connection.pace.allowance()
    return connection.getresponse()
