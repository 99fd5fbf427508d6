"""The gevent worker of gunicorn with JSON errors, a check of the patches, and an end that loses nothing."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

import gevent
from gevent import socket
from gevent.event import Event
from gunicorn.workers.ggevent import GeventWorker

from agentos.domain.ids import new_id
from agentos.errors import StorageError
from agentos.serving import outlet
from agentos.serving.listeners import Listeners
from agentos.serving.patching import check_patched
from agentos.serving.responses import BUG, refusal_of, send

if TYPE_CHECKING:
    from agentos.config import Config
    from agentos.serving.deployment import Deployment

log = logging.getLogger(__name__)

# What the worker needs beside the drain itself; gunicorn.conf.py gives the master that much more patience (5 s).
SAVE_SECONDS = 1.5  # after the drain's own timeout, to write down the ends of the runs that it cut
FIRST_SECONDS = 0.5  # for connections that were accepted, to send the request that they were made for
ANSWER_SECONDS = 1.0  # to send those ends to their clients
CLOSE_SECONDS = 1.0  # to close connections and providers

DATABASE_PAUSE = 1.0  # between two attempts to begin without the database

LINGER_SECONDS = 1.0  # how long a client that sent nonsense is listened to after its answer


class Services(Protocol):
    """What a worker asks of the application's services."""

    config: Config

    def start(self) -> None:
        """Begin what goes on beside the requests."""

    def drain(self, timeout: float) -> None:
        """Refuse new runs, wait for those under way, end what is left."""

    def close(self) -> None:
        """Let go of everything."""


class Worker(GeventWorker):
    """Serve until told to end; then let the runs under way finish while new ones hear that the server shuts down.

    SIGTERM drains for ``drain_timeout``; SIGINT and SIGQUIT cut the runs at once, but still save how they ended.
    ``alive`` is False from the signal on, so that every further answer closes its connection.
    """

    deployment: Deployment | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._ending = Event()
        self._hurried = False
        self._fresh: set[socket.socket] = set()  # connections before their first request: its loss would be a failure
        self._idle: set[socket.socket] = set()  # those between two requests, which may be closed at any time

    @property
    def services(self) -> Services | None:
        """The application's services; ``None`` while it is not loaded, or if it is some other WSGI application."""
        services: Services | None = getattr(getattr(self, "wsgi", None), "extensions", {}).get("agentos")
        return services

    # --- beginning and end ---------------------------------------------------------------------------------------

    def load_wsgi(self) -> None:
        """Load the application, once it is sure that it will not block the worker.

        Without its database the application cannot begin. Where nothing has been served yet, that ends the whole
        deployment, and says why. A worker that replaces another waits: gunicorn's master would end them all.
        """
        check_patched()
        while True:
            try:
                super().load_wsgi()
            except StorageError:
                if self.deployment is None or not self.deployment.served:
                    raise
                log.warning("the database is away; this worker begins when it is back", extra={"worker": self.pid})
            else:
                return
            self._heartbeat(self._ending.is_set, DATABASE_PAUSE)
            if self._ending.is_set():
                sys.exit(0)

    def run(self) -> None:
        """Serve, drain, close: in this order, and each within its time."""
        log_outlet = outlet.install()
        try:
            if self.services is not None:
                self.services.start()
            listeners = Listeners(self)
            log.info("worker ready", extra={"worker": self.pid})
            if log_outlet is not None:
                log_outlet.settle()  # What is printed when all workers are ready stands below their lines.
            if self.deployment is not None:
                self.deployment.worker_ready(self)
            while not self._ending.wait(timeout=1.0):
                self.notify()
            self._end(listeners)
        finally:
            self._close()
            if log_outlet is not None:
                log_outlet.close()

    def notify(self) -> None:
        """Tell the master that this worker lives; end in order if the master does not."""
        self.tmp.notify()
        if self.ppid != os.getppid() and not self._ending.is_set():
            log.warning("the master is gone; this worker drains and ends")
            self.handle_exit(0, None)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  # a signal handler
        """SIGTERM: drain. gunicorn's own handler would only stop accepting, and lose the race against its master."""
        self.alive = False
        self._ending.set()

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """SIGINT and SIGQUIT: end now."""
        if not self.booted:
            super().handle_quit(sig, frame)
            return
        if not self._hurried:
            self._hurried = True
            self.handle_exit(sig, frame)
            gevent.spawn(self.cfg.worker_int, self)

    def _end(self, listeners: Listeners) -> None:
        services = self.services
        patience = services.config.drain_timeout if services is not None and not self._hurried else 0.0
        # When the whole deployment ends, the listeners stay open: a refused connection says less than a 503. When only
        # this worker does (a reload), the others take what comes, and this one must not stand in their way.
        if self.deployment is None or not self.deployment.stopping:
            listeners.close()
            self._cut(self._idle)
        if services is not None:
            draining = gevent.spawn(_attempt, services.drain, patience)
            self._heartbeat(lambda: draining.ready() or (patience and self._hurried), patience + SAVE_SECONDS)
            if not draining.ready():
                gevent.spawn(_attempt, services.drain, 0.0).join(SAVE_SECONDS)
        listeners.close()
        self._cut(self._idle)
        self._heartbeat(lambda: not self._fresh, FIRST_SECONDS)
        self._cut(self._fresh)
        self._heartbeat(lambda: not listeners.busy, ANSWER_SECONDS)
        if listeners.busy:
            log.warning("connections cut at the end of the drain", extra={"connections": listeners.busy})
            listeners.kill()

    def _heartbeat(self, done: Callable[[], object], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not done() and time.monotonic() < deadline:
            self.notify()
            gevent.sleep(0.05)

    def _close(self) -> None:
        services = self.services
        if services is not None:
            gevent.spawn(_attempt, services.close).join(CLOSE_SECONDS)

    # --- connections ---------------------------------------------------------------------------------------------

    def handle(self, listener: Any, client: socket.socket, addr: Any) -> None:
        """Serve one connection."""
        self._fresh.add(client)
        try:
            super().handle(listener, client, addr)
        finally:
            self._fresh.discard(client)
            self._idle.discard(client)

    def handle_request(self, listener_name: Any, req: Any, sock: socket.socket, addr: Any) -> bool:
        """Serve one request; no further one on this connection once the worker ends."""
        self._fresh.discard(sock)
        self._idle.discard(sock)
        served = super().handle_request(listener_name, req, sock, addr)
        if not self.alive:
            raise StopIteration
        self._idle.add(sock)
        return served

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:  # noqa: ARG002
        """Answer what gunicorn itself refuses, or what an application let through, in JSON."""
        if isinstance(exc, gevent.GreenletExit):
            return  # The end of the drain cut this connection.
        refusal = refusal_of(exc)
        request_id = new_id()
        seen = {"status": refusal.status, "ip": addr[0] if addr else "", "request_id": request_id}
        if refusal is BUG:
            log.error("request failed outside of the application", extra=seen, exc_info=exc)
        else:
            log.info("malformed request", extra={**seen, "reason": refusal.message})
        try:
            gevent.with_timeout(LINGER_SECONDS, send, client, refusal, request_id, timeout_value=None)
        except OSError as error:
            log.debug("the answer to a malformed request could not be sent: %s", error)

    @staticmethod
    def _cut(connections: set[socket.socket]) -> None:
        for client in list(connections):
            try:
                # Its reader sees the end of the stream, and closes quietly. A shutdown of gevent's own socket object
                # would raise in the reader instead, which gunicorn logs as an error.
                with socket.fromfd(client.fileno(), client.family, client.type) as twin:
                    twin.shutdown(socket.SHUT_RD)
            except OSError:
                log.debug("a waiting connection was gone already")


def _attempt(step: Callable[..., None], *arguments: float) -> None:
    try:
        step(*arguments)
    except Exception:  # The worker must go on to answer and to close, whatever the database does now.
        log.exception("%s failed at the worker's end", step.__name__)
