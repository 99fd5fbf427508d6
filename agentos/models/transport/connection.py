"""urllib3's connections, made to wait by a pace and to be cut from another thread."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import struct
import time
from contextlib import suppress
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.ssltransport import SSLTransport

from agentos.models.transport.pace import Pace, PacedReader

READ_SIZE = 65536


class ModelConnection(HTTPConnection):
    """A connection to a model server: opened once, then used for one call after the other."""

    def __init__(self, host: str, port: int | None = None, **options: Any) -> None:
        super().__init__(host, port, **options)
        self.response_class = self._response  # type: ignore[assignment]  # http.client only calls it
        self.pace = Pace(deadline=time.monotonic(), silence=0)
        self.idle_since = 0.0
        self._dialling: socket.socket | None = None
        self._connected: socket.socket | SSLTransport | None = None

    def open(self, pace: Pace, *, timeout: float) -> None:
        """Connect, through a proxy and with TLS where the route says so."""
        self.pace = pace
        silence, pace.silence = pace.silence, timeout
        self.timeout = pace.allowance()
        try:
            self.connect()
            self._connected = self.sock
        except TimeoutError:
            raise pace.expired() from None
        finally:
            pace.silence = silence
            dialling, self._dialling = self._dialling, None
            if dialling is not None:
                dialling.close()

    def send_request(self, path: str, body: bytes, headers: dict[str, str]) -> None:
        """Send a POST within the pace's allowance."""
        self.timeout = self.pace.allowance()
        try:
            self.request("POST", path, body=body, headers=headers, preload_content=False)
        except TimeoutError:
            raise self.pace.expired() from None

    def cut(self) -> None:
        """Make whatever waits on this connection, in whatever thread, return at once."""
        for sock in (self._dialling, self._connected):
            if sock is not None:
                # Not connected yet, or not any more: then there is nothing to cut.
                with suppress(OSError):
                    _shut_down(_plain(sock))

    def abort(self) -> None:
        """Cut, and close so that the server hears of it at once.

        After an ordinary close, a server whose send buffer is full would go on waiting for us to read.
        """
        if self._connected is not None:
            with suppress(OSError):
                _plain(self._connected).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.cut()
        self.close()

    def _new_conn(self) -> socket.socket:
        """Connect to the first address that answers, all of them together within the timeout."""
        give_up = time.monotonic() + float(self.timeout or 0)
        failure: OSError = OSError("the host name has no address")
        for family, kind, protocol, _, address in socket.getaddrinfo(
            self._dns_host.strip("[]"), self.port, type=socket.SOCK_STREAM
        ):
            sock = socket.socket(family, kind, protocol)
            # Wrapping a socket in TLS moves its descriptor to an object that nobody has before the handshake is over.
            # A second descriptor of the same connection can be shut down all the while.
            previous, self._dialling = self._dialling, sock.dup()
            if previous is not None:
                previous.close()
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.settimeout(max(0.001, give_up - time.monotonic()))
                sock.connect(address)
            except OSError as error:
                failure = error
                sock.close()
            else:
                return sock
        raise failure

    def _response(self, sock: socket.socket, **options: Any) -> http.client.HTTPResponse:
        return http.client.HTTPResponse(_Paced(sock, self.pace), **options)  # type: ignore[arg-type]  # makefile is all


class TlsModelConnection(ModelConnection, HTTPSConnection):
    """The same with TLS."""


class _Paced:
    """As much of a socket as ``http.client.HTTPResponse`` uses."""

    def __init__(self, sock: socket.socket, pace: Pace) -> None:
        self._sock = sock
        self._pace = pace

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(PacedReader(self._sock, self._pace), READ_SIZE)


def _plain(sock: socket.socket | SSLTransport) -> socket.socket:
    while isinstance(sock, SSLTransport):
        sock = sock.socket
    return sock


def _shut_down(sock: socket.socket) -> None:
    if isinstance(sock, ssl.SSLSocket):
        # SSLSocket.shutdown drops the TLS state first, and the reader would take ciphertext for text.
        super(ssl.SSLSocket, sock).shutdown(socket.SHUT_RDWR)
    else:
        sock.shutdown(socket.SHUT_RDWR)
