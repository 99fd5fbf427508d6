"""urllib3's connections over a line: to checked addresses only, every read within its time and its bytes."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

from urllib3.connection import HTTPConnection, HTTPSConnection

from agentos.http.dialer import Line
from agentos.http.urls import Target

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

READ_SIZE = 64 * 1024
REST_EVERY = 0.05
REST = 0.0001
"""More than nothing: a cooperative worker's ``sleep(0)`` lets neither timers nor sockets have their turn."""


def connection_to(target: Target, line: Line, tls: ssl.SSLContext | None) -> HTTPConnection:
    """Return a connection that is not open yet. No proxy, no retry, no redirect: it does what it is told, once."""
    if tls is None:
        return _Connection(target.host, target.port, line=line)
    return _TlsConnection(target.host, target.port, line=line, ssl_context=tls)


class _Connection(HTTPConnection):
    def __init__(self, host: str, port: int, *, line: Line, **options: Any) -> None:
        super().__init__(host, port, timeout=line.remaining(), **options)
        self._line = line
        self.response_class = self._response  # type: ignore[assignment]  # http.client only calls it

    def _new_conn(self) -> socket.socket:
        return self._line.connect(self.host, self.port or 0)

    def _response(self, sock: socket.socket, **options: Any) -> http.client.HTTPResponse:
        return http.client.HTTPResponse(_Metered(sock, self._line), **options)  # type: ignore[arg-type]  # makefile is all


class _TlsConnection(_Connection, HTTPSConnection):
    """The same with TLS: name and certificate are the host's, the connection goes to the address."""


class _Metered:
    """As much of a socket as ``http.client.HTTPResponse`` uses."""

    def __init__(self, sock: socket.socket, line: Line) -> None:
        self._sock = sock
        self._line = line

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_MeteredReader(self._sock, self._line), READ_SIZE)


class _MeteredReader(io.RawIOBase):
    """Receives from a socket and counts: headers, trailers and compressed nothings have no end of their own."""

    def __init__(self, sock: socket.socket, line: Line) -> None:
        self._sock = sock
        self._line = line
        # A file of the socket and not the socket: http.client closes the connection of a response that is its last one
        # while the body is still to be read.
        self._file = sock.makefile("rb", buffering=0)
        self._rested = time.monotonic()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        self._line.check()
        if time.monotonic() - self._rested > REST_EVERY:
            # A server that sends faster than we read never makes us wait, and would keep a cooperative worker from
            # doing anything else.
            time.sleep(REST)
            self._rested = time.monotonic()
        self._sock.settimeout(self._line.remaining())
        count = self._file.readinto(buffer)
        self._line.receive(count or 0)
        return count

    def close(self) -> None:
        self._file.close()
        super().close()
