"""Ends a run whose client asked for that, once the client has gone away. Costs nothing where nobody asks."""

from __future__ import annotations

import logging
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from agentos.domain.event import Frame
from agentos.domain.run import Run
from agentos.errors import RunFinished, RunNotFound, StorageError
from agentos.services.runs import StartedRun

INTERVAL = 0.5
"""Seconds between two looks at the connection: together with the cancelling, a run is stopped within a second."""

TCP_CLOSE, TCP_CLOSE_WAIT = 7, 8
"""States of a connection (Linux, ``tcp_states.h``) whose peer broke it off, or has closed its end."""

logger = logging.getLogger(__name__)


class ClientWatch:
    """Follows a run for one client, and cancels the run, once, when that client leaves before it ended."""

    def __init__(self, environ: Mapping[str, Any], started: StartedRun, cancel: Callable[[str], object]) -> None:
        self._connection = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
        self._started = started
        self._cancel = cancel
        self._over = False

    def wait(self, timeout: float) -> Run | None:
        """Wait for the run's end as :meth:`agentos.services.runs.StartedRun.wait` does."""
        deadline = time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            run = self._started.wait(max(0.0, min(INTERVAL, left)))
            if run is not None or left <= INTERVAL:
                self._over = run is not None
                return run
            self._look()

    def batches(self, *, heartbeat: float) -> Iterator[Sequence[Frame]]:
        """Yield the run's events as :meth:`agentos.services.runs.StartedRun.follow` does."""
        interval = min(INTERVAL, heartbeat)
        looked = spoke = time.monotonic()
        for batch in self._started.follow(heartbeat=interval):
            self._over = self._over or (bool(batch) and batch[-1].last)
            now = time.monotonic()
            if now - looked >= interval:
                looked = now
                self._look()
            # The empty batches come for our sake; the client is told that we are alive as often as without us.
            if batch or now - spoke > heartbeat - interval:
                spoke = now
                yield batch
        self._over = True

    def leave(self) -> None:
        """Take note that the answer was closed, sent to its end or not. Can be called again."""
        if not self._over:
            self._stop()

    def _look(self) -> None:
        if not self._over and is_gone(self._connection):
            self._stop()

    def _stop(self) -> None:
        try:
            self._cancel(self._started.run_id)
        except (RunFinished, RunNotFound):
            pass
        except StorageError as error:
            logger.warning(
                "a client went away, and its run could not be cancelled",
                extra={"run_id": self._started.run_id, "reason": error.message},
            )
            return
        else:
            logger.info("a client went away; its run is cancelled", extra={"run_id": self._started.run_id})
        self._over = True


def is_gone(connection: socket.socket | None) -> bool:
    """Return whether the other side of a connection has closed it; never waits, never takes anything from it.

    A side that closed only its sending half counts as gone: until something is written, the two look the same.
    """
    if connection is None:
        return False
    try:
        if sys.platform == "linux" and connection.family in (socket.AF_INET, socket.AF_INET6):
            # The state says it also behind bytes that nobody has read: a next request, or the farewell of TLS.
            state: int = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
            return state in (TCP_CLOSE, TCP_CLOSE_WAIT)
        return _peek_finds_end(connection)
    except OSError:
        return True


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
