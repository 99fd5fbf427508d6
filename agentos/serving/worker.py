"""The gevent worker of gunicorn with JSON errors, a check of the patches, and an end that loses nothing."""

from __future__ import annotations

import gc
import logging
import os
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import gevent
from gevent.event import Event
from gunicorn.arbiter import Arbiter
from gunicorn.errors import AppImportError
from gunicorn.workers.ggevent import GeventWorker

from agentos.errors import AgentOSError, StorageError
from agentos.observability.repeated import RepeatedLines
from agentos.observability.startup import place_of
from agentos.serving import log_writer
from agentos.serving.application import serving_config
from agentos.serving.connections import Connections, abort
from agentos.serving.event_loops import refuse_event_loops
from agentos.serving.patching import check_patched
from agentos.serving.watchdog import Watchdog, watchdog_works
from agentos.serving.write_coalescer import WriteCoalescer

if TYPE_CHECKING:
    from agentos.services.services import Services
    from agentos.serving.deployment import Deployment

log = logging.getLogger(__name__)
repeated = RepeatedLines(log)

# What the worker needs beside the drain itself; gunicorn.conf.py gives the master that much more time (5 s).
SAVE_SECONDS = 1.5  # after the drain's own timeout, to write down the ends of the runs that it cut
FIRST_SECONDS = 0.5  # for connections that were accepted, to send the request that they were made for
ANSWER_SECONDS = 1.0  # to send those ends to their clients
CLOSE_SECONDS = 2.0  # to stop the plugins, and to close connections and what plugins opened

KEPT_FREE = 10  # one of so many connections is kept for short requests

DATABASE_PAUSE = 1.0  # between two attempts to begin without the database


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
        self.writes: WriteCoalescer

    @property
    def services(self) -> Services | None:
        """The application's services; ``None`` while it is not loaded, or if it is some other WSGI application."""
        services: Services | None = getattr(getattr(self, "wsgi", None), "extensions", {}).get("agentos")
        return services

    @property
    def stream_limit(self) -> int:
        """How many connections responses that last as long as a run may hold; the others are for short requests."""
        return max(1, self.worker_connections - max(1, self.worker_connections // KEPT_FREE))

    def load_wsgi(self) -> None:
        """Load the application, once it is sure that it will not block the worker.

        Without its database the application cannot begin. Where nothing has been served yet, that ends the whole
        deployment, and says why. A worker that replaces another waits: gunicorn's master would end them all.
        """
        while True:
            try:
                check_patched()
                refuse_event_loops()
                super().load_wsgi()
            except StorageError as error:
                if self.deployment is None or not self.deployment.served:
                    self._refuse(error, error.message_to_operator)
                repeated.warning("the database is away; this worker begins when it is back", extra={"worker": self.pid})
            except AgentOSError as error:
                self._refuse(error, error.message_to_operator)
            except (AppImportError, ImportError) as error:
                self._refuse(error, f"the application cannot be imported: {error}{place_of(error)}")
            except Exception as error:  # a bug in the program: its traceback helps
                log.exception("the application failed to load", extra={"worker": self.pid})
                self._refuse(error, f"{type(error).__name__}: {error}{place_of(error)}")
            else:
                return
            self._heartbeat(self._ending.is_set, DATABASE_PAUSE)
            if self._ending.is_set():
                sys.exit(0)

    def _refuse(self, error: Exception, message: str) -> NoReturn:
        """End the worker and so the deployment. The master says why; a traceback would hide it."""
        if self.deployment is None:
            raise error
        sys.exit(Arbiter.WORKER_BOOT_ERROR if self.deployment.fail(message) else 0)

    def run(self) -> None:
        """Serve, drain, close: in this order, and each within its time."""
        writer = log_writer.install()
        watchdog: Watchdog | None = None
        try:
            if self.services is not None:
                self._start(self.services)
            self.writes = WriteCoalescer()
            connections = Connections(self, self.services.config if self.services is not None else serving_config())
            _tame_collector()
            gevent.config.track_greenlet_tree = False  # Nothing here asks which greenlet began another, and where.
            watchdog = self._watchdog()
            log.info("worker ready", extra={"worker": self.pid})
            if writer is not None:
                writer.settle()  # What is printed when all workers are ready stands below their lines.
            if self.deployment is not None:
                self.deployment.worker_ready(self)
            while not self._ending.wait(timeout=1.0):
                self.notify()
            self._end(connections)
        finally:
            if watchdog is not None:
                watchdog.close()
            if self.services is not None:
                gevent.spawn(_attempt, self.services.close).join(CLOSE_SECONDS)
            if writer is not None:
                writer.close()

    def _start(self, services: Services) -> None:
        """Begin to look after runs, and start the plugins."""
        try:
            services.start()
        except AgentOSError as error:  # a plugin without which the server must not serve
            self._refuse(error, error.message_to_operator)

    def _watchdog(self) -> Watchdog | None:
        """Begin to watch the event loop, if that is wanted; metrics show what the watchdog counts."""
        limit = (self.services.config if self.services is not None else serving_config()).hold_warning
        if not limit or not watchdog_works():
            return None
        watchdog = Watchdog(limit)
        if self.services is not None:
            self.services.activity.loop = watchdog
        watchdog.start()
        return watchdog

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

    def _end(self, connections: Connections) -> None:
        services, listeners = self.services, connections.listeners
        drain_timeout = services.config.drain_timeout if services is not None and not self._hurried else 0.0
        # When the whole deployment ends, the listeners stay open: a refused connection says less than a 503. When only
        # this worker does (a reload), the others take what comes, and this one must not stand in their way.
        if self.deployment is None or not self.deployment.stopping:
            listeners.close()
            abort(connections.idle)
        if services is not None:
            draining = gevent.spawn(_attempt, services.drain, drain_timeout)
            self._heartbeat(lambda: draining.ready() or (drain_timeout and self._hurried), drain_timeout + SAVE_SECONDS)
            if not draining.ready():
                gevent.spawn(_attempt, services.drain, 0.0).join(SAVE_SECONDS)
        listeners.close()
        abort(connections.idle)
        self._heartbeat(lambda: not connections.fresh, FIRST_SECONDS)
        abort(connections.fresh)
        self._heartbeat(lambda: not listeners.busy, ANSWER_SECONDS)
        if listeners.busy:
            log.warning("connections cut at the end of the drain", extra={"connections": listeners.busy})
            listeners.kill()

    def _heartbeat(self, done: Callable[[], object], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not done() and time.monotonic() < deadline:
            self.notify()
            gevent.sleep(0.05)


def _tame_collector() -> None:
    """Have the garbage collector stop the worker seldom and shortly; what ends without a cycle does not need it."""
    # What is there now stays. To look through it would take a tenth of a second.
    gc.freeze()
    # Each stream under way is some hundred objects that stay for a while. At the default of 700 a thousand streams have
    # all of them looked through every few seconds, for another tenth.
    gc.set_threshold(20_000, 20, 50)


def _attempt(step: Callable[..., None], *arguments: float) -> None:
    try:
        step(*arguments)
    except Exception:  # The worker must still answer and close, even if the database fails now.
        log.exception("%s failed at the worker's end", step.__name__)
