"""The answers to requests: gunicorn's, in as few writes as there can be."""

from __future__ import annotations

import logging
import socket
import time
from contextlib import suppress
from email.utils import formatdate
from functools import lru_cache
from typing import Any

import gevent
from gunicorn.http.wsgi import Response, create

log = logging.getLogger(__name__)

LAST_CHUNK = b"0\r\n\r\n"


class Answer(Response):
    """One whose head leaves with the first of its body: a write costs more than all that was done for the head."""

    sock: Any
    headers: list[tuple[str, str]]
    _head = b""

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
        """Make the head, once; whoever calls this writes next."""
        if self.headers_sent:
            return
        lines = [*self.default_headers(), *(f"{name}: {value}\r\n" for name, value in self.headers), "\r\n"]
        self._head = "".join(lines).encode("latin-1")
        self.headers_sent = True

    def write(self, arg: bytes) -> None:
        """Send a piece of the body, and the head before the first."""
        super().write(arg)
        self._send(b"")  # the head of an answer to HEAD, and one that an empty piece shall send ahead

    def can_sendfile(self) -> bool:
        """Never: the system would send the file before the head."""
        return False

    def close(self) -> None:
        """Send what ends the answer."""
        self.send_headers()
        self._send(LAST_CHUNK if self.chunked else b"")

    def _emit_body(self, data: bytes) -> None:
        self._send(b"%X\r\n%b\r\n" % (len(data), data) if self.chunked else data)

    def _send(self, data: bytes) -> None:
        head, self._head = self._head, b""
        if head or data:
            self.sock.sendall(head + data)


def answer(worker: Any, request: Any, connection: Any, client: Any, server: Any) -> None:
    """Have the worker's application answer a request that came from ``client`` to the address ``server``.

    Raises ``StopIteration`` after a connection's last answer, and what was raised before anything was sent.
    """
    worker.cfg.pre_request(worker, request)
    made: tuple[Any, Any] = create(request, connection, client, server, worker.cfg, response_class=Answer)
    response, environ = made
    environ["wsgi.multithread"] = True
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


def _send(response: Answer, body: Any) -> None:
    try:
        for piece in body:
            response.write(piece)
        response.close()
    finally:
        if hasattr(body, "close"):
            body.close()


@lru_cache(2)  # a second goes on for a while
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
