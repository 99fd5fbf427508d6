"""The listening sockets of one worker and the connections that came in by them."""

from __future__ import annotations

from functools import partial
from typing import Any

from gevent.pool import Pool
from gevent.server import StreamServer


class _Address:
    """Where a socket listens, also once it is closed: an accepted connection may begin to be served only then."""

    def __init__(self, socket: Any) -> None:
        self._name = socket.getsockname()

    def getsockname(self) -> Any:
        """Return it as a socket does; gunicorn asks nothing else of a listener."""
        return self._name


class Listeners:
    """Accept connections for a worker, each served by a greenlet of its own, as gunicorn's gevent worker does."""

    def __init__(self, worker: Any) -> None:
        self._servers: list[StreamServer] = []
        for socket in worker.sockets:
            socket.setblocking(1)
            pool = Pool(worker.worker_connections)
            # TLS begins in the connection's own greenlet: the handshake too has its time and its errors.
            server: StreamServer = StreamServer(socket, handle=partial(worker.handle, _Address(socket)), spawn=pool)
            if worker.cfg.workers > 1:
                # One connection at a time, so that the first worker to wake up does not take them all.
                server.max_accept = 1
            server.start()
            self._servers.append(server)

    @property
    def busy(self) -> int:
        """How many connections are open."""
        return sum(len(server.pool or ()) for server in self._servers)

    def close(self) -> None:
        """Accept no more; what is open goes on."""
        for server in self._servers:
            server.close()

    def kill(self) -> None:
        """End what is still open."""
        for server in self._servers:
            server.stop(timeout=0.5)
