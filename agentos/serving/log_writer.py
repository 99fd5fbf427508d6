"""Where a worker's log leaves the process, without making a request wait for whoever reads it."""

from __future__ import annotations

import logging
import os
import time
from _queue import SimpleQueue  # The original in C; `queue` has gevent's, which serves one thread alone.
from contextlib import suppress
from typing import Any

from gevent import monkey

start_thread: Any = monkey.get_original("_thread", "start_new_thread")
allocate_lock: Any = monkey.get_original("_thread", "allocate_lock")

REST = 0.05
"""Seconds between two writes. To wake the thread for a line costs more than to make the line, so they go together."""

MOST = 1000
"""Lines of one write."""

log = logging.getLogger(__name__)


class Outlet:
    """A text stream that a thread of the operating system writes out.

    To write to a full pipe blocks, and under gevent that stops every request of the worker. Here the lines wait, up to
    ``limit`` of them; what is more is dropped and counted. Those of a moment, ``rest`` seconds, leave together: a
    worker that is killed outright loses that moment's at most.
    """

    def __init__(self, descriptor: int, *, limit: int = 10_000, rest: float = REST) -> None:
        self._descriptor = descriptor
        self._limit = limit
        self._rest = rest
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        self._dropped = 0
        self._taken = 0
        self._gone = 0
        self._open = True
        self._resting = allocate_lock()  # while it is locked, the thread may rest
        self._resting.acquire()
        self._written = allocate_lock()
        self._written.acquire()
        start_thread(self._work, ())

    def write(self, text: str) -> None:
        """Take a line; it is written soon, at once after :meth:`close`."""
        line = text.encode("utf-8", "backslashreplace")
        if not self._open:
            self._put(line)
        elif self._lines.qsize() >= self._limit:
            self._dropped += 1
        else:
            self._taken += 1
            self._lines.put(line)
            if self._dropped:
                dropped, self._dropped = self._dropped, 0
                log.warning("log lines were dropped because nobody read them", extra={"lines": dropped})

    def flush(self) -> None:
        """Have the lines so far written at once; waits for nothing."""
        with suppress(RuntimeError):  # it was said already
            self._resting.release()

    def settle(self, timeout: float = 1.0) -> None:
        """Wait until all lines so far are written, for ``timeout`` seconds at most; other requests go on."""
        self.flush()
        deadline = time.monotonic() + timeout
        while self._gone < self._taken and time.monotonic() < deadline:
            time.sleep(0.002)

    def close(self, timeout: float = 1.0) -> None:
        """Write what is left, for ``timeout`` seconds at most."""
        if self._open:
            self._open = False
            self._lines.put(None)
            self.flush()
            self._written.acquire(True, timeout)

    def _work(self) -> None:
        while True:
            lines = [self._lines.get()]
            while lines[-1] is not None and len(lines) < MOST and not self._lines.empty():
                lines.append(self._lines.get())
            self._put(b"".join(line for line in lines if line is not None))
            self._gone += sum(line is not None for line in lines)
            if lines[-1] is None:
                self._written.release()
                return
            self._resting.acquire(True, self._rest)

    def _put(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            # The reader is gone. There is nowhere left to say so, and requests go on without a log.
            return


class OutletHandler(logging.Handler):
    """Hands lines to an outlet, in the form that another handler gave them; warnings and errors wait for nothing."""

    agentos = True  # the mark by which `configure_logging` knows its handler again

    def __init__(self, outlet: Outlet, form: logging.Formatter | None) -> None:
        super().__init__()
        self._outlet = outlet
        self.setFormatter(form)

    def emit(self, record: logging.LogRecord) -> None:
        """Hand the line on."""
        try:
            self._outlet.write(self.format(record) + "\n")
            if record.levelno >= logging.WARNING:
                self._outlet.flush()
        except Exception:  # noqa: BLE001  # as all handlers do: a log never fails in the middle of a request
            self.handleError(record)


def install() -> Outlet | None:
    """Let this process's log handler write through an outlet; ``None`` if its stream is no file of the system."""
    root = logging.getLogger()
    for handler in root.handlers:
        if isinstance(handler, logging.StreamHandler) and getattr(handler, "agentos", False):
            try:
                outlet = Outlet(handler.stream.fileno())
            except (AttributeError, OSError):
                return None
            root.addHandler(OutletHandler(outlet, handler.formatter))
            root.removeHandler(handler)
            return outlet
    return None
