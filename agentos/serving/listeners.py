"""The listening sockets of one worker and the connections that came in by them."""

from __future__ import annotations

import errno
import socket as sockets
import struct
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from gevent.pool import Pool
from gevent.server import StreamServer

from agentos.serving.addresses import plain

ACCEPTED_AT_ONCE = 100  # connections that are accepted before those that are there already have their turn again

WAITING = struct.Struct("24xI")
"""Where ``TCP_INFO`` of a listening socket says how many connections wait to be accepted (Linux: ``tcpi_unacked``)."""

EXHAUSTED = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
"""How the system says that it has no room for another connection."""

PAUSE = 0.05  # seconds after which it is asked again


class _Server(StreamServer):
    """Accepts no more than its share of the connections that wait, so that the other workers have theirs.

    One at a time would do that too. But then a probe that came behind hundreds of others would have to wait until so
    many turns of a busy loop are over.
    """

    def __init__(self, socket: Any, *, workers: int, exhausted: Callable[[], object], **options: Any) -> None:
        self._workers = workers
        self._exhausted = exhausted
        super().__init__(socket, **options)

    def do_read(self) -> Any:
        """Accept a connection; where the system has no descriptor for it, leave it in the queue for a moment."""
        try:
            return super().do_read()
        except OSError as error:
            if error.errno not in EXHAUSTED:
                raise
        self._exhausted()
        # The system says again and again that a connection waits: without a pause the worker would do nothing else.
        self.stop_accepting()
        self._timer: Any = self.loop.timer(PAUSE)
        self._timer.start(self._resume)
        return None

    def _resume(self) -> None:
        if self.started:
            self.start_accepting()

    @property
    def max_accept(self) -> int:  # type: ignore[override]  # an attribute there
        """How many connections to accept in this turn of the loop; gevent asks at each."""
        if self._workers == 1:
            return ACCEPTED_AT_ONCE
        return min(ACCEPTED_AT_ONCE, 1 + _waiting(self.socket) // self._workers)


def _waiting(listener: Any) -> int:
    """Return how many connections wait to be accepted, where the system says so."""
    if sys.platform != "linux" or listener.family not in (sockets.AF_INET, sockets.AF_INET6):
        return 0
    (waiting,) = WAITING.unpack(listener.getsockopt(sockets.IPPROTO_TCP, sockets.TCP_INFO, WAITING.size))
    return int(waiting)


class Listeners:
    """Accept connections for a worker, each served by a greenlet of its own, as gunicorn's gevent worker does."""

    def __init__(self, worker: Any, *, handle: Callable[..., object], exhausted: Callable[[], object]) -> None:
        self._servers: list[StreamServer] = []
        for socket in worker.sockets:
            socket.setblocking(1)
            pool = Pool(worker.worker_connections)
            # TLS begins in the connection's own greenlet: the handshake too has its time and its errors.
            # The address is asked for now: a connection may begin to be served when its listener is closed.
            serve = partial(handle, plain(socket.getsockname()))
            server = _Server(socket, handle=serve, spawn=pool, workers=worker.cfg.workers, exhausted=exhausted)
            server.start()
            self._servers.append(server)

    @property
    def busy(self) -> int:
        """How many connections are open."""
        return sum(len(server.pool or ()) for server in self._servers)

    def close(self) -> None:
        """Accept no more; open connections continue."""
        for server in self._servers:
            server.close()

    def kill(self) -> None:
        """End what is still open."""
        for server in self._servers:
            server.stop(timeout=0.5)
