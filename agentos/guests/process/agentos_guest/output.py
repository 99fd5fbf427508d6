"""What agents print and log: kept within limits, with the run that it belongs to, until it is sent to a worker.

A writer never waits: what is too much is counted and dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any, Literal

from agentos_guest.said import said_of
from agentos_guest.wire import Frame

MOST_LINES = 200
MOST_CHARACTERS = 64 * 1024
"""Of what may wait to be sent. It is sent a few times in a second."""
LONGEST_LINE = 4_000

Level = Literal["info", "warning", "error"]


class Output:
    """The lines of one run, or of none. Safe to use from any thread. ``notify`` is called when the first line waits.

    ``rest`` is where lines go after the last ones were taken: those of tasks that a run has left behind.
    """

    def __init__(self, notify: Callable[[], None] = lambda: None, rest: Output | None = None) -> None:
        self._notify = notify
        self._rest = rest
        self._over = False
        self._lock = threading.Lock()
        self._lines: list[dict[str, str]] = []
        self._characters = 0
        self._dropped = 0
        self._unfinished: dict[str, str] = {}

    def add(self, level: Level, logger: str, text: str, error: BaseException | None = None) -> None:
        """Add one line, which may be a text of several. What an error says is apart from the text."""
        self._add(_line(level, logger, text, error))

    def write(self, level: Level, name: str, text: str) -> None:
        """Add what was written to a stream; the end of an unfinished line comes later."""
        lines: list[str] = []
        with self._lock:
            rest = self._rest if self._over else None
            if rest is None:
                *lines, end = (self._unfinished.pop(name, "") + text).split("\n")
                if len(end) > LONGEST_LINE:
                    lines.append(end)
                elif end:
                    self._unfinished[name] = end
        if rest is not None:
            rest.write(level, name, text)
        for line in lines:
            if line.strip():
                self.add(level, name, line)

    def take(self, *, last: bool = False) -> Frame | None:
        """Return the frame with what waits; ``None`` if nothing does. ``last`` includes unfinished lines."""
        with self._lock:
            if last:
                for name, text in self._unfinished.items():
                    self._keep(_line("info" if name == "stdout" else "warning", name, text))
                self._unfinished = {}
                self._over = True
            if not self._lines and not self._dropped:
                return None
            frame = {"kind": "log", "lines": self._lines, "dropped": self._dropped}
            self._lines, self._characters, self._dropped = [], 0, 0
        return frame

    def _add(self, line: dict[str, str]) -> None:
        with self._lock:
            rest = self._rest if self._over else None
            first = not self._lines and not self._dropped
            if rest is None:
                self._keep(line)
        if rest is not None:
            rest._add(line)
        elif first:
            self._notify()

    def _keep(self, line: dict[str, str]) -> None:
        size = sum(map(len, line.values()))
        if len(self._lines) >= MOST_LINES or self._characters + size > MOST_CHARACTERS:
            self._dropped += 1
        else:
            self._lines.append(line)
            self._characters += size


def _line(level: Level, logger: str, text: str, error: BaseException | None = None) -> dict[str, str]:
    if len(text) > LONGEST_LINE:
        half = LONGEST_LINE // 2
        text = f"{text[:half]} ... {text[-half:]}"
    return {"level": level, "logger": logger, "text": text, **({} if error is None else said_of(error))}


OF_PROCESS = Output()
"""What belongs to no run."""

output_of_run: ContextVar[Output] = ContextVar("output_of_run", default=OF_PROCESS)


class _Stream(io.TextIOBase):
    """``sys.stdout`` or ``sys.stderr``. Its descriptor is the real one: for programs that an agent starts."""

    def __init__(self, name: str, level: Level, descriptor: int) -> None:
        self._name = name
        self._level: Level = level
        self._descriptor = descriptor
        self.buffer = _Bytes(self)

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed has it writable
        """What its bytes are read as."""
        return "utf-8"

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def write(self, text: str) -> int:
        """Add a text to the output of the run that is under way here."""
        output_of_run.get().write(self._level, self._name, str(text))
        return len(text)


class _Bytes(io.RawIOBase):
    """The stream for bytes of a stream for text."""

    def __init__(self, text: _Stream) -> None:
        self._text = text

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def write(self, data: Any) -> int:
        """Write bytes as text."""
        self._text.write(bytes(data).decode("utf-8", "replace"))
        return len(data)


class _Handler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        """Add a record to the output of the run that is under way here."""
        error = record.exc_info[1] if record.exc_info else None
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001  # a record that others made; the handler prints which
            self.handleError(record)
            return
        level: Level = "error" if record.levelno >= logging.ERROR else "info"
        if level == "info" and record.levelno >= logging.WARNING:
            level = "warning"
        if record.stack_info:
            text += f"\n{record.stack_info}"
        output_of_run.get().add(level, record.name, text, error)


def capture() -> None:
    """Take what is printed and logged from now on."""
    original = sys.stdout, sys.stderr
    sys.stdout = _Stream("stdout", "info", 1)
    sys.stderr = _Stream("stderr", "warning", 2)
    # A child that is forked has no thread that would send its lines; its descriptors are read as those of programs.
    os.register_at_fork(after_in_child=lambda: _restore(original))
    sys.unraisablehook = _log_unraisable
    threading.excepthook = _log_of_thread
    root = logging.getLogger()
    root.addHandler(_Handler())
    root.setLevel(logging.INFO)
    # A line for each request to a model is no news of the agent.
    logging.getLogger("httpx").setLevel(logging.WARNING)


def log_of_loop(loop: Any, context: dict[str, Any]) -> None:  # noqa: ARG001  # as asyncio calls it
    """Log what asyncio says of an error that nothing waits for, without the ``repr`` of what it is about."""
    task = context.get("task") or context.get("future")
    name = getattr(task.get_coro(), "__qualname__", "") if isinstance(task, asyncio.Task) else ""
    logging.getLogger("asyncio").error("%s %s", context.get("message"), name, exc_info=context.get("exception"))


def _log_unraisable(args: Any) -> None:
    said = args.err_msg or "an exception was ignored"
    logging.getLogger("python").error("%s (%s)", said, type(args.object).__qualname__, exc_info=args.exc_value)


def _log_of_thread(args: Any) -> None:
    if not issubclass(args.exc_type, SystemExit):
        name = getattr(args.thread, "name", "without a name")
        logging.getLogger("threading").error("an exception ended the thread %r", name, exc_info=args.exc_value)


def _restore(original: Iterable[Any]) -> None:
    sys.stdout, sys.stderr = original


class Tail:
    """What was written to the descriptors themselves, by C code and by programs that agents start.

    They are of a file and not of a pipe: a pipe that is full stops its writer, which may hold the interpreter's lock,
    without which the pipe is not read.
    """

    LARGEST = 1024**2
    """Bytes of the file from which it is emptied."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._position = os.fstat(descriptor).st_size
        self._data = b""
        self._skipped = 0

    def read(self) -> int:
        """Take in what is new, empty the file if it is large, and return how many bytes came. Costs little."""
        with contextlib.suppress(OSError):
            size = os.fstat(self._descriptor).st_size
            came = size - self._position
            if came > 0:
                data = os.pread(self._descriptor, min(came, MOST_CHARACTERS - len(self._data)), self._position)
                self._data += data
                self._skipped += came - len(data)
            self._position = size
            if size > self.LARGEST:
                os.ftruncate(self._descriptor, 0)
                self._position = 0
            return came
        return 0

    def send(self) -> None:
        """Add what was taken in to the output of the process."""
        data, self._data = self._data, b""
        if data:
            OF_PROCESS.write("warning", "process", data.decode("utf-8", "replace"))
        if self._skipped:
            OF_PROCESS.add("warning", "process", f"... {self._skipped} bytes of output were dropped")
            self._skipped = 0
