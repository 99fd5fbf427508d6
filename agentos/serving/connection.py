"""A client's socket that does not wait for ever for its client to take what is written."""

from __future__ import annotations

import fcntl
import socket as plain
import struct
import sys
import termios
from typing import Any

from gevent import socket, ssl

PIECE = 256 * 1024
LOOKS = 4  # how often a blocked write is tried again within the time in which the client may take nothing

SEND_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, with no time: to close is to reset


class ClientStalled(TimeoutError):
    """The client took nothing of its answer for the whole of the time that it may."""


class _Patient:
    """Bounds every write by progress: a slow client is served to the end, one that takes nothing is given up.

    A time limit on the socket would do neither: it is for the whole of a ``sendall``, and for reading too.
    """

    write_timeout = 60.0
    timeout: float | None
    _sock: plain.socket  # gevent's: never waits

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send all; raises :class:`ClientStalled`."""
        left = memoryview(data)
        while left:
            left = left[self.send(left[:PIECE], flags) :]

    def send(self, data: Any, flags: int = 0, timeout: Any = None) -> int:  # noqa: ARG002  # gevent's own has it
        """Send some; raises :class:`ClientStalled`."""
        limit, self.timeout = self.timeout, self.write_timeout / LOOKS
        try:
            for _ in range(LOOKS):
                try:
                    return int(super().send(data, flags))  # type: ignore[misc]  # the socket's, further up
                except TimeoutError:
                    # The system calls a socket writable only once a third of its buffer is free, which on a slow line
                    # takes minutes; to try again succeeds as soon as the client took anything.
                    continue
            raise ClientStalled(f"nothing was taken for {self.write_timeout:g} s")
        finally:
            self.timeout = limit

    def reset(self) -> None:
        """Have the system forget at the close what it still holds for the client."""
        self.setsockopt(plain.SOL_SOCKET, plain.SO_LINGER, SEND_RESET)  # type: ignore[attr-defined]

    @property
    def unread_bytes(self) -> int:
        """How many bytes of the client's have arrived and were not read."""
        try:
            answer = fcntl.ioctl(self.fileno(), termios.FIONREAD, bytes(4))  # type: ignore[attr-defined]
        except OSError:
            return 0
        return int.from_bytes(answer, sys.byteorder)


class Connection(_Patient, socket.socket):
    """A plain one."""

    def send(self, data: Any, flags: int = 0, timeout: Any = None) -> int:
        """Send some; raises :class:`ClientStalled`."""
        try:
            return self._sock.send(data, flags)
        except BlockingIOError:
            return super().send(data, flags, timeout)

    def send_now(self, data: bytes) -> int:
        """Send as much as can be sent without waiting; raises ``BlockingIOError`` if that is nothing."""
        return self._sock.send(data)


class TLSConnection(_Patient, ssl.SSLSocket):
    """One that speaks TLS."""


def connection_of(client: socket.socket, *, write_timeout: float) -> Connection:
    """Return an accepted socket as one of ours; the given one is empty then."""
    mine = Connection(client.family, client.type, client.proto, client.detach())
    mine.write_timeout = write_timeout
    return mine


def begin_tls(client: Connection, context: ssl.SSLContext) -> TLSConnection:
    """Shake hands; raises ``OSError``."""
    context.sslsocket_class = TLSConnection
    mine: TLSConnection = context.wrap_socket(client, server_side=True)  # type: ignore[assignment]
    mine.write_timeout = client.write_timeout
    return mine
