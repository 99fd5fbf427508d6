"""Writes log lines from a thread of the operating system, so that a slow reader of the log never blocks the worker."""

from __future__ import annotations

import logging
import os
import time
from _queue import SimpleQueue  # The original in C; `queue` has gevent's, which serves one thread alone.
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from gevent import monkey

from agentos.observability.event_logger import EventRecord
from agentos.observability.logs import keep_trace

start_thread: Any = monkey.get_original("_thread", "start_new_thread")
allocate_lock: Any = monkey.get_original("_thread", "allocate_lock")

REST = 0.05
"""Seconds between two writes. To wake the thread for a line costs more than to make the line, so they go together."""

MOST = 1000  # lines of one write

Line = str | Callable[[], str]
"""A line with its end, or what makes it."""

log = logging.getLogger(__name__)


class BackgroundLogWriter:
    """A text stream. A thread of the operating system writes its lines to a file descriptor.

    To write to a full pipe blocks, and under gevent that stops every request of the worker. Here the lines wait, up to
    ``limit`` of them; further lines are dropped and counted. The lines of ``rest`` seconds are written together: a
    worker that is killed outright loses those at most.

    ``logging.handlers.QueueListener`` does not serve here. Its thread is one of gevent's, so a full pipe blocks the
    worker; and it writes each line by itself.
    """

    def __init__(self, descriptor: int, *, limit: int = 10_000, rest: float = REST) -> None:
        self._descriptor = descriptor
        self._limit = limit
        self._rest = rest
        self._lines: SimpleQueue[Line] = SimpleQueue()
        self._dropped = 0
        self._taken = 0
        self._written = 0
        self._open = True
        self._resting = allocate_lock()  # while it is locked, the thread may rest
        self._resting.acquire()
        start_thread(self._work, ())

    def write(self, text: str) -> None:
        """Take a line. It is written soon; after :meth:`close`, at once."""
        self.take(text)

    def take(self, line: Line) -> None:
        """Take a line, or a function that makes it; the function is called in the thread that writes."""
        if not self._open:
            self._put(b"".join(self._made([line])))
        elif self._lines.qsize() >= self._limit:
            self._dropped += 1
        else:
            self._taken += 1
            self._lines.put(line)
            if self._dropped:
                dropped, self._dropped = self._dropped, 0
                log.warning("log lines were dropped because nobody read them", extra={"lines": dropped})

    def flush(self) -> None:
        """Have the lines so far written at once. Does not wait."""
        with suppress(RuntimeError):  # the thread does not rest
            self._resting.release()

    def settle(self, timeout: float = 1.0) -> None:
        """Wait until all lines so far are written, for at most ``timeout`` seconds. Other requests go on."""
        self.flush()
        deadline = time.monotonic() + timeout
        while self._written < self._taken and time.monotonic() < deadline:
            time.sleep(0.002)

    def close(self, timeout: float = 1.0) -> None:
        """Write what is left, for at most ``timeout`` seconds. The daemon thread ends with the process."""
        self.settle(timeout)
        self._open = False

    def _work(self) -> None:
        while True:
            lines = [self._lines.get()]
            while len(lines) < MOST and not self._lines.empty():
                lines.append(self._lines.get())
            self._put(b"".join(self._made(lines)))
            self._written += len(lines)
            self._resting.acquire(True, self._rest)

    @staticmethod
    def _made(lines: list[Line]) -> Iterator[bytes]:
        for line in lines:
            with suppress(Exception):  # other people's values; the thread must not end for one of them
                yield (line if isinstance(line, str) else line()).encode("utf-8", "backslashreplace")

    def _put(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            # The reader is gone. There is nowhere left to say so, and requests go on without a log.
            return


class BackgroundLogHandler(logging.Handler):
    """Passes records to a writer, formatted as another handler did. A warning or an error is written at once.

    Others are formatted by the thread that writes, all of a moment together. That costs half as much as one here and
    one there between requests, when nothing of it is in the processor's cache any more.
    """

    agentos = True  # the mark by which `configure_logging` knows its handler again

    def __init__(self, writer: BackgroundLogWriter, formatter: logging.Formatter | None) -> None:
        super().__init__()
        self._writer = writer
        self.setFormatter(formatter)

    def handle(self, record: logging.LogRecord) -> bool | logging.LogRecord:  # type: ignore[override]  # as in 3.12
        """Pass a record on if no filter minds, without the lock of other handlers: the writer needs none."""
        kept = self.filter(record)
        if kept:
            self.emit(record if kept is True else kept)
        return kept

    def emit(self, record: logging.LogRecord) -> None:
        """Pass the record on."""
        try:
            if record.levelno >= logging.WARNING or record.exc_info:
                self._writer.take(self._line(record))
                self._writer.flush()
            else:
                keep_trace(record)
                self._writer.take(partial(self._line, record))
        except Exception:  # noqa: BLE001  # as all handlers do: a log never fails in the middle of a request
            self.handleError(record)

    def _line(self, record: logging.LogRecord) -> str:
        try:
            return self.format(record) + "\n"
        except Exception as error:  # noqa: BLE001  # a value of a field may raise anything
            return self.format(_not_made(record, error)) + "\n"


def _not_made(record: logging.LogRecord, error: Exception) -> logging.LogRecord:
    about = {"line_of": record.name, "reason": type(error).__name__}
    return EventRecord(log.name, logging.WARNING, "a log line could not be made", about)


def install() -> BackgroundLogWriter | None:
    """Let this process's log handler write in the background; ``None`` if its stream is no file of the system."""
    root = logging.getLogger()
    for handler in root.handlers:
        if isinstance(handler, logging.StreamHandler) and getattr(handler, "agentos", False):
            try:
                writer = BackgroundLogWriter(handler.stream.fileno())
            except (AttributeError, OSError):
                return None
            root.addHandler(BackgroundLogHandler(writer, handler.formatter))
            root.removeHandler(handler)
            return writer
    return None
