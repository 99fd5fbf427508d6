"""One client's connection: its requests, one after the other, and an end that leaves it the last answer."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable
from dataclasses import KW_ONLY, InitVar, dataclass
from typing import Any

import gevent
from gevent import socket, ssl
from gunicorn.http.errors import NoMoreData

from agentos.config import Config
from agentos.domain.ids import new_id
from agentos.observability.repeated import RepeatedLines
from agentos.serving.connection import ClientStalled, Connection, TLSConnection, begin_tls, connection_of
from agentos.serving.parsing import DISCARDED, Parser, Request
from agentos.serving.refusals import BUG, LateHeader, NoTLS, encode, refusal_of

DISCARD_SECONDS = 2.0  # how long the unread rest of a small body may take to arrive
LINGER_SECONDS = 1.0  # how long a client is listened to after its last answer
TURN = 16  # requests of one connection after which others are looked at, even if it is never waited for
LINGER_BYTES = 16 * 1024 * 1024  # as much as one sends that does not read the answer before all of its body is out

HANDSHAKE = b"\x16"  # the first byte of a TLS client (RFC 8446, section 5.1)

LEFT = frozenset((errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.ETIMEDOUT, errno.EBADF, errno.EHOSTUNREACH))
"""How the system says that a client has gone away."""

log = logging.getLogger(__name__)
repeated = RepeatedLines(log)


@dataclass(eq=False)
class HTTPConnection:
    """Reads requests from a connection and has ``handle`` answer each.

    ``handle`` raises ``StopIteration`` after an answer that said that it is the last.
    """

    client: InitVar[socket.socket]
    address: Any
    _: KW_ONLY
    cfg: Any
    config: Config
    handle: Callable[[HTTPConnection, Request, Any], object]

    def __post_init__(self, client: socket.socket) -> None:
        self._client: Connection | TLSConnection = connection_of(client, write_timeout=self.config.write_timeout)
        self._ip = self.address[0] if self.address else ""
        self._client_left = False
        self._whole = False  # all of the next header has arrived
        self._request: Request | None = None  # the last one; none while the next one's header is read

    def serve(self, tls: ssl.SSLContext | None) -> None:
        """Answer requests until either side ends the connection."""
        due = time.monotonic() + self.config.header_timeout
        try:
            if tls is not None:
                self._begin_tls(tls)
            self._answer_all(due)
        except StopIteration as error:
            log.debug("closing a connection: %s", error)
        except (NoMoreData, gevent.GreenletExit):  # the latter where the end of the drain cuts it
            self._client_left = True
        except ClientStalled as error:
            self._client_left = True
            self._client.reset()
            log.info("a client was given up", extra={"ip": self._ip, "reason": str(error)})
        except OSError as error:
            self._client_left = True
            if error.errno not in LEFT and not isinstance(error, ssl.SSLError):
                log.warning("a connection broke", extra={"ip": self._ip}, exc_info=error)
        except Exception as error:  # noqa: BLE001  # the parser's, of what is no request, and those of applications
            self._refuse(error)
        finally:
            self._close()

    def abort(self) -> None:
        """End a wait for the client as if it had sent its last byte; the connection closes then."""
        try:
            # Below gevent: its own would raise in the reader. Not on a copy: there may be no descriptor left for it.
            self._client._sock.shutdown(socket.SHUT_RD)
        except OSError:
            log.debug("a waiting connection was gone already")

    def _begin_tls(self, context: ssl.SSLContext) -> None:
        assert isinstance(self._client, Connection)
        with gevent.Timeout(self.config.header_timeout, StopIteration("no handshake")):
            if self._client.recv(1, socket.MSG_PEEK) not in (HANDSHAKE, b""):
                raise NoTLS
            self._client = begin_tls(self._client, context)

    def _answer_all(self, due: float) -> None:
        parser = Parser(self.cfg, self._client, self.address, body_limit=self.config.max_request_size)
        proxied: Any = {}
        while self._begins(parser, due):
            self._request = None
            self._request = request = self._read_header(parser, due)
            request.proxy_protocol_info = proxied = request.proxy_protocol_info or proxied
            self.handle(self, request, self._client)
            if request.unread and not gevent.with_timeout(
                DISCARD_SECONDS, parser.finish_body, max_bytes=DISCARDED, timeout_value=False
            ):
                return
            due = time.monotonic() + self.cfg.keepalive

    def _begins(self, parser: Parser, due: float) -> bool:
        """Wait for the first bytes of a request; empty lines between two are none (RFC 9112, section 2.2)."""
        data: bytes = parser.unreader.take_buffered()
        if data or parser.req_count % TURN == 0:
            # A client that sends its requests ahead is served without ever being waited for: others want a turn.
            gevent.sleep(0)
        if not data.strip(b"\r\n"):
            with gevent.Timeout(max(0.01, due - time.monotonic()), StopIteration("no request")):
                while not data.strip(b"\r\n"):
                    data = self._client.recv(8192)
                    if not data:
                        self._client_left = True
                        return False
        parser.unreader.unread(data)
        # A PROXY line or header of a load balancer's may stand before.
        self._whole = b"\r\n\r\n" in data and self.cfg.proxy_protocol == "off"
        return True

    def _read_header(self, parser: Parser, due: float) -> Request:
        if self._whole:
            return next(parser)
        if parser.mesg is not None:
            due = time.monotonic() + self.config.header_timeout
        with gevent.Timeout(max(0.01, due - time.monotonic()), LateHeader()):
            return next(parser)

    def _refuse(self, error: Exception) -> None:
        """Answer what gunicorn itself refuses, or what an application let through, in JSON."""
        refusal = refusal_of(error)
        request_id = new_id()
        seen = {"status": refusal.status, "ip": self._ip, "request_id": request_id}
        if refusal is BUG:
            log.error("request failed outside of the application", extra=seen, exc_info=error)
        else:
            fields = {**seen, "reason": refusal.message}
            repeated.log(logging.INFO, "malformed request", kind=f"malformed request of {self._ip}", extra=fields)
        try:
            gevent.with_timeout(LINGER_SECONDS, self._client.sendall, encode(refusal, request_id), timeout_value=None)
        except OSError as lost:
            log.debug("the answer to a malformed request could not be sent: %s", lost)

    def _close(self) -> None:
        try:
            if not self._client_left and self._has_unread_bytes():
                gevent.with_timeout(LINGER_SECONDS, self._linger, timeout_value=None)
        except OSError as error:
            log.debug("a client left before its connection was closed: %s", error)
        finally:
            self._client.close()

    def _has_unread_bytes(self) -> bool:
        """Return whether the client sent, or may still send, bytes that were not read."""
        return self._request is None or self._request.unread > 0 or self._client.unread_bytes > 0

    def _linger(self) -> None:
        # To close on what the client still sends would reset the connection, and take the answer away with it.
        self._client.shutdown(socket.SHUT_WR)
        left = LINGER_BYTES
        while left > 0 and (piece := self._client.recv(65536)):
            left -= len(piece)
