"""The connection of a request's client, as far as the application uses it."""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

CLIENT = "agentos.client"
"""The key in a request's environment under which our own server puts a :class:`ClientConnection`."""

TCP_CLOSE, TCP_CLOSE_WAIT = 7, 8
"""States of a connection (Linux, ``tcp_states.h``) after its peer broke it off or closed its end."""


class ReadDeadline:
    """Tells whether the time to read a body was over: a read that waited then ended as if nothing more came."""

    expired = False


class ClientConnection:
    """A connection of which nothing is known: the client of a test, or of a WSGI server that shows no socket."""

    can_push = False
    """Whether :meth:`push` may succeed."""
    stream_limit: int | None = None
    """How many responses that last as long as a run the worker's connections leave room for; ``None``: any number."""

    def push(self, data: bytes) -> bool:  # noqa: ARG002  # for those that can
        """Send a piece of a streamed body while the response's own thread waits for the next piece.

        Returns False if none of it will be sent. Never blocks and never raises.
        """
        return False

    def is_gone(self) -> bool:
        """Return whether the client has closed its end. Never waits, and takes nothing from the connection.

        A client that closed only its sending half counts as gone: until something is written, the two look the same.
        """
        return False

    @contextmanager
    def read_deadline(self, seconds: float) -> Iterator[ReadDeadline]:  # noqa: ARG002  # for those that can
        """Bound how long reads in the block may take together.

        A timeout of each read would let a client send one byte in every so often.
        """
        yield ReadDeadline()


class SocketConnection(ClientConnection):
    """A connection of which the socket is known."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def is_gone(self) -> bool:
        """Ask the system."""
        try:
            if sys.platform == "linux" and self.sock.family in (socket.AF_INET, socket.AF_INET6):
                # The state shows it also behind unread bytes: a next request, or the farewell of TLS.
                state: int = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
                return state in (TCP_CLOSE, TCP_CLOSE_WAIT)
            return _peek_finds_end(self.sock)
        except OSError:
            return True

    @contextmanager
    def read_deadline(self, seconds: float) -> Iterator[ReadDeadline]:
        """End a read that waits at the deadline."""
        deadline = ReadDeadline()

        def expire() -> None:
            deadline.expired = True
            with suppress(OSError):  # it is gone already
                self._stop_reading()

        cancel = self._call_later(seconds, expire)
        try:
            yield deadline
        finally:
            cancel()

    def _stop_reading(self) -> None:
        self.sock.shutdown(socket.SHUT_RD)

    def _call_later(self, seconds: float, function: Callable[[], None]) -> Callable[[], object]:
        """Call a function later; return what cancels that."""
        timer = threading.Timer(seconds, function)
        timer.daemon = True
        timer.start()
        return timer.cancel


def client_of(environ: Mapping[str, Any]) -> ClientConnection:
    """Return the client of a request: our server's own object, else the socket that gunicorn or Werkzeug shows."""
    known: ClientConnection | None = environ.get(CLIENT)
    if known is not None:
        return known
    sock = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
    return ClientConnection() if sock is None else SocketConnection(sock)


def _peek_finds_end(connection: socket.socket) -> bool:
    # With a time limit of zero neither Python nor gevent waits, and there is no limit to the descriptor's number, which
    # select has. The TLS layer cannot peek; there, only writing tells.
    if isinstance(connection, ssl.SSLSocket):
        return False
    limit = connection.gettimeout()
    connection.settimeout(0)
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    finally:
        connection.settimeout(limit)
