"""The responses to requests: gunicorn's, in as few writes as there can be."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate
from functools import lru_cache
from typing import Any

import gevent
from gevent.util import wrap_errors
from gunicorn.http import wsgi

from agentos.api.kit.client import CLIENT, SocketConnection
from agentos.serving.connection import Connection
from agentos.serving.write_coalescer import WriteCoalescer

log = logging.getLogger(__name__)

LAST_CHUNK = b"0\r\n\r\n"

MOST_DUE = 64 * 1024
"""Bytes that wait for the end of a turn of the loop, at most, but for the piece that goes beyond. An agent may say all
that it has to say in one turn; to add to a long piece costs as much as its length."""


class Response(wsgi.Response, SocketConnection):
    """A response and, for the application, the connection that it leaves by.

    Its head leaves with the first of its body: a write costs more than all that was done for the head.
    """

    sock: Any
    headers: list[tuple[str, str]]
    _head = b""
    writes: WriteCoalescer
    _due = b""  # what was said since the loop waited last
    _rest: Any = None  # the greenlet that sends what a client was too slow to take then

    def default_headers(self) -> list[str]:
        """Return the lines that every head begins with."""
        connection = "upgrade" if self.upgrade else "close" if self.should_close() else "keep-alive"
        major, minor = self.req.version  # type: ignore[misc]  # its class leaves it open
        lines = [
            f"HTTP/{major}.{minor} {self.status}\r\n",
            f"Server: {self.version}\r\n",
            f"Date: {_date(int(time.time()))}\r\n",
            f"Connection: {connection}\r\n",
        ]
        if self.chunked:
            lines.append("Transfer-Encoding: chunked\r\n")
        return lines

    def send_headers(self) -> None:
        """Make the head, once; the caller writes next."""
        if self.headers_sent:
            return
        lines = [*self.default_headers(), *(f"{name}: {value}\r\n" for name, value in self.headers), "\r\n"]
        self._head = "".join(lines).encode("latin-1")
        self.headers_sent = True

    def write(self, arg: bytes) -> None:
        """Send a piece of the body, and the head before the first."""
        if self.chunked and self.headers_sent:  # nothing but chunks follows
            self._catch_up()
            if arg:
                self.sent += len(arg)
                self.sock.sendall(_chunk(arg))
            return
        super().write(arg)
        self._send(b"")  # the head of an answer to HEAD, and one that an empty piece shall send ahead

    def push(self, data: bytes) -> bool:
        """Send a further piece of a body in chunks with the other pushes of this turn of the loop."""
        if not (self.chunked and self.headers_sent) or self._rest is not None or len(self._due) >= MOST_DUE:
            return False
        if not self._due:
            self.writes.add(self._send_due)
        self._due += _chunk(data)
        self.sent += len(data)
        return True

    def _stop_reading(self) -> None:
        # Below gevent: its own would raise in the reader. And below TLS: its own ends the encryption too.
        self.sock._sock.shutdown(socket.SHUT_RD)

    def _call_later(self, seconds: float, function: Callable[[], None]) -> Callable[[], object]:
        timer = gevent.get_hub().loop.timer(seconds)
        timer.start(function)
        return timer.close

    def can_sendfile(self) -> bool:
        """Never: the system would send the file before the head."""
        return False

    def close(self) -> None:
        """Send what ends the answer."""
        self._catch_up()
        self.send_headers()
        self._send(LAST_CHUNK if self.chunked else b"")

    def _send_due(self) -> None:
        """Send what can be sent without waiting, and leave the rest to a greenlet of its own."""
        due, self._due = self._due, b""
        if not due:
            return
        try:
            sent = self.sock.send_now(due)
        except OSError:  # It cannot be sent at present, or ever: the greenlet finds out.
            sent = 0
        if sent < len(due):
            self._rest = gevent.spawn(wrap_errors((OSError,), self.sock.sendall), due[sent:])

    def _catch_up(self) -> None:
        """Wait until all is sent that was to be sent soon; raises ``OSError`` where that failed."""
        if self._due:
            self._send_due()
        if self._rest is not None:
            failure = self._rest.get()
            if failure is not None:
                raise failure
            self._rest = None

    def _emit_body(self, data: bytes) -> None:
        self._send(_chunk(data) if self.chunked else data)

    def _send(self, data: bytes) -> None:
        head, self._head = self._head, b""
        if head or data:
            self.sock.sendall(head + data)


def respond(worker: Any, request: Any, connection: Any, client: Any, server: Any) -> None:
    """Have the worker's application answer a request that came from ``client`` to the address ``server``.

    Raises ``StopIteration`` after a connection's last answer, and what was raised before anything was sent.
    """
    worker.cfg.pre_request(worker, request)
    made: tuple[Any, Any] = wsgi.create(request, connection, client, server, worker.cfg, response_class=Response)
    response, environ = made
    environ["wsgi.multithread"] = True
    environ[CLIENT] = response
    response.stream_limit = worker.stream_limit
    if isinstance(connection, Connection):  # What TLS makes of a piece may have to wait at any length.
        response.writes = worker.writes
        response.can_push = True
    try:
        if not worker.alive or not worker.cfg.keepalive:
            response.force_close()
        _send(response, worker.wsgi(environ, response.start_response))
        if response.should_close():
            raise StopIteration
    except (StopIteration, OSError):
        raise
    except (gevent.GreenletExit, SystemExit):
        log.debug("an answer was cut")
    except Exception:
        if not response.headers_sent:
            raise
        log.exception("an answer broke off")
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        raise StopIteration from None
    finally:
        worker.cfg.post_request(worker, request, environ, response)


def _chunk(data: bytes) -> bytes:
    return b"%X\r\n%b\r\n" % (len(data), data)


def _send(response: Response, body: Any) -> None:
    try:
        for piece in body:
            response.write(piece)
        response.close()
    finally:
        if hasattr(body, "close"):
            body.close()


@lru_cache(2)  # a second is long here
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
