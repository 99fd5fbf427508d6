"""Connections that wait within a deadline and can be cut by another thread. urllib3 opens them, with proxy and TLS."""

from __future__ import annotations

import http.client
import socket
import ssl
import struct
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util.ssltransport import SSLTransport

from agentos.http.deadline import NEVER, CallDeadline
from agentos.http.dialer import Endpoint
from agentos.http.failures import NotHTTP
from agentos.http.tls import closing_lost_sockets

CONNECT_TIMEOUT = 5.0
READ_SIZE = 65536

CONNECTION_FAILURES = (NotHTTP, HTTPError, http.client.HTTPException, OSError)
"""All that a call raises when the server, or the way to it, fails."""


class Connection(HTTPConnection):
    """A connection that is opened once, then used for one call after the other.

    ``endpoints`` are the only places that it connects to, each within ``CONNECT_TIMEOUT``; without them it looks the
    host up itself.
    """

    def __init__(self, host: str, port: int, *, endpoints: Sequence[Endpoint] = (), **options: Any) -> None:
        super().__init__(host, port, **options)
        self.deadline = CallDeadline(0.0)
        self.idle_since = 0.0
        self._endpoints = endpoints
        self._cut = False
        self._dialling: socket.socket | None = None
        self._connected: socket.socket | SSLTransport | None = None

    def open(self, deadline: CallDeadline, *, timeout: float = NEVER) -> None:
        """Connect within the deadline and ``timeout``, through a proxy and with TLS where the route says so."""
        self.deadline = deadline
        silence, deadline.silence = deadline.silence, timeout
        try:
            self.timeout = deadline.begin_wait()
            self.connect()
            self.sock.settimeout(None)
            self._connected = self.sock
        except TimeoutError:
            raise deadline.expired() from None
        except Exception:
            if deadline.over:
                raise deadline.expired() from None
            raise
        finally:
            deadline.end_wait()
            deadline.silence = silence
            dialling, self._dialling = self._dialling, None
            if dialling is not None:
                dialling.close()

    def send_all(self, data: bytes) -> None:
        """Send, as far as the server takes it: one that has enough closes, and may say why in its answer."""
        self.deadline.begin_wait()
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            self.deadline.end_wait()

    def receive(self) -> bytes:
        """Return what there is, or comes within the deadline; nothing at the end."""
        deadline = self.deadline
        deadline.begin_wait()
        try:
            data: bytes = self.sock.recv(READ_SIZE)
        except OSError:
            if deadline.over:
                raise deadline.expired() from None
            raise
        finally:
            deadline.end_wait()
        if data:
            deadline.receive(len(data))
        elif deadline.over:
            raise deadline.expired()
        return data

    def is_quiet(self) -> bool:
        """Tell whether the connection stands and nothing has arrived, as it must be before its next call."""
        try:
            self.sock.settimeout(0)
            self.sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            self.sock.settimeout(None)
            return True
        except OSError:
            pass
        return False

    def cut(self) -> None:
        """Make every thread that waits on this connection return at once."""
        self._cut = True
        for sock in (self._dialling, self._connected):
            if sock is not None:
                # Not connected yet, or not any more: then there is nothing to cut.
                with suppress(OSError):
                    _shut_down(_plain(sock))

    def abort(self) -> None:
        """Cut, and close with a reset.

        After an ordinary close, a server with a full send buffer would still wait for us to read.
        """
        if self._connected is not None:
            with suppress(OSError):
                _plain(self._connected).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.cut()
        self.close()

    def _new_conn(self) -> socket.socket:
        """Connect to the first endpoint that answers, all of them together within the timeout."""
        give_up = time.monotonic() + float(self.timeout or 0)
        longest = CONNECT_TIMEOUT if self._endpoints else NEVER
        failure: OSError = OSError("the host name has no address")
        for family, address in self._endpoints or self._look_up():
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                # Wrapping a socket in TLS moves its descriptor to an object that is out of reach until the handshake
                # is over. A second descriptor of the same connection can be shut down all the while.
                previous, self._dialling = self._dialling, sock.dup()
                if previous is not None:
                    previous.close()
                if self._cut:
                    raise ConnectionAbortedError("the call was cut")
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.settimeout(max(0.001, min(longest, give_up - time.monotonic())))
                sock.connect(address)
                sock.settimeout(max(0.001, give_up - time.monotonic()))
            except BaseException as error:
                sock.close()
                if not isinstance(error, OSError):
                    raise
                failure = error
            else:
                return sock
        raise failure

    def _look_up(self) -> list[Endpoint]:
        found = socket.getaddrinfo(self._dns_host.strip("[]"), self.port, type=socket.SOCK_STREAM)
        return [(family, address) for family, _, _, _, address in found]


class TlsConnection(Connection, HTTPSConnection):
    """The same with TLS. Name and certificate are the host's, even when ``endpoints`` say where it is."""

    def __init__(self, host: str, port: int, *, ssl_context: ssl.SSLContext, **options: Any) -> None:
        super().__init__(host, port, ssl_context=closing_lost_sockets(ssl_context), **options)


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
