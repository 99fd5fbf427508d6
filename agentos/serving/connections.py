"""The open connections of one worker: which of them are new or idle, and what is closed where there is no room."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gevent import socket
from gunicorn.sock import ssl_context

from agentos.config import Config
from agentos.fair_lock import FairLock
from agentos.serving import descriptors
from agentos.serving.addresses import plain
from agentos.serving.http_connection import HTTPConnection
from agentos.serving.listeners import Listeners
from agentos.serving.responses import respond

EXHAUSTED_AGAIN = 60.0  # between two lines in the log that say that there are no file descriptors
ABORTED_AT_ONCE = 16  # idle connections that are closed then; more follow while it lasts

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Connections:
    """Accepts connections for a worker and serves each in a greenlet of its own."""

    worker: Any
    config: Config

    def __post_init__(self) -> None:
        self._tls = ssl_context(self.worker.cfg) if self.worker.cfg.is_ssl else None
        self.fresh: set[HTTPConnection] = set()  # before their first request: its loss would be a failure
        self.idle: dict[HTTPConnection, None] = {}  # between two requests, the oldest first: may be closed at any time
        self._beginnings = FairLock()
        self._exhausted = -math.inf
        self.listeners = Listeners(self.worker, handle=self.serve, exhausted=self.make_room)

    def serve(self, server: Any, client: socket.socket, addr: Any) -> None:
        """Serve one connection that was made to the address ``server``."""
        addr = plain(addr)

        def handle(one: HTTPConnection, request: Any, connection: Any) -> None:
            self.fresh.discard(one)
            self.idle.pop(one, None)
            if request.method == "POST":
                # What begins work begins one after the other. Probes and other short requests overtake those that wait.
                self._beginnings.pass_through()
            respond(self.worker, request, connection, addr, server)
            if not self.worker.alive or self._full:
                raise StopIteration
            self.idle[one] = None

        connection = HTTPConnection(client, addr, cfg=self.worker.cfg, config=self.config, handle=handle)
        self.fresh.add(connection)
        if self._full:
            # Clients that say nothing must not keep those out that have something to say.
            abort(list(self.idle)[:1])
        try:
            connection.serve(self._tls)
        finally:
            self.fresh.discard(connection)
            self.idle.pop(connection, None)

    def make_room(self) -> None:
        """Close the connections that have been idle for longest: there are no file descriptors left."""
        now = time.monotonic()
        if now - self._exhausted > EXHAUSTED_AGAIN:
            self._exhausted = now
            log.warning(
                "no file descriptors are left; idle connections are closed, new ones wait (ulimit -Hn, LimitNOFILE)",
                extra={"open_files": descriptors.limit(), "connections": self.listeners.busy},
            )
        abort(list(self.idle)[:ABORTED_AT_ONCE])

    @property
    def _full(self) -> bool:
        return bool(self.listeners.busy >= self.worker.worker_connections)


def abort(connections: Iterable[HTTPConnection]) -> None:
    """Close connections that wait for their client."""
    for one in list(connections):
        one.abort()
