"""Connections that wait by a pace and can be cut from another thread. urllib3 opens them; the bytes are ours."""

from __future__ import annotations

import socket
import ssl
import struct
import time
from contextlib import suppress
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.ssltransport import SSLTransport

from agentos.http.deadline import Pace
from agentos.http.tls import closing_lost_sockets

READ_SIZE = 65536


class ModelConnection(HTTPConnection):
    """A connection to a model server: opened once, then used for one call after the other."""

    def __init__(self, host: str, port: int | None = None, **options: Any) -> None:
        super().__init__(host, port, **options)
        self.pace = Pace(deadline=time.monotonic(), silence=0)
        self.idle_since = 0.0
        self._dialling: socket.socket | None = None
        self._connected: socket.socket | SSLTransport | None = None

    def open(self, pace: Pace, *, timeout: float) -> None:
        """Connect, through a proxy and with TLS where the route says so."""
        self.pace = pace
        silence, pace.silence = pace.silence, timeout
        try:
            self.timeout = pace.begin_wait()
            self.connect()
            self.sock.settimeout(None)
            self._connected = self.sock
        except TimeoutError:
            raise pace.expired() from None
        except Exception:
            if pace.over:
                raise pace.expired() from None
            raise
        finally:
            pace.end_wait()
            pace.silence = silence
            dialling, self._dialling = self._dialling, None
            if dialling is not None:
                dialling.close()

    def send_all(self, data: bytes) -> None:
        """Send, as far as the server takes it: one that has enough closes, and may say why in its answer."""
        self.pace.begin_wait()
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            self.pace.end_wait()

    def receive(self) -> bytes:
        """Return what there is, or comes within the pace; nothing at the end."""
        pace = self.pace
        pace.begin_wait()
        try:
            data: bytes = self.sock.recv(READ_SIZE)
        except OSError:
            if pace.over:
                raise pace.expired() from None
            raise
        finally:
            pace.end_wait()
        if data:
            pace.received = True
        elif pace.over:
            raise pace.expired()
        return data

    def is_quiet(self) -> bool:
        """Tell whether the connection stands and has nothing to say, as one must be that waits for its next call."""
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
            try:
                # Wrapping a socket in TLS moves its descriptor to an object that nobody has before the handshake is
                # over. A second descriptor of the same connection can be shut down all the while.
                previous, self._dialling = self._dialling, sock.dup()
                if previous is not None:
                    previous.close()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.settimeout(max(0.001, give_up - time.monotonic()))
                sock.connect(address)
            except BaseException as error:
                sock.close()
                if not isinstance(error, OSError):
                    raise
                failure = error
            else:
                return sock
        raise failure


class TlsModelConnection(ModelConnection, HTTPSConnection):
    """The same with TLS."""

    def __init__(self, host: str, port: int | None = None, *, ssl_context: ssl.SSLContext, **options: Any) -> None:
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
