"""Tells workers from a thread that the process lives, how busy its loop is, and what it says outside of runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from agentos_guest.forks import forget, keep_from_children
from agentos_guest.output import OF_PROCESS
from agentos_guest.wire import VERSION, Frame, encode

HEARTBEAT = 5.0
"""Seconds between heartbeats. One is also sent when the loop becomes busy, and when it is over."""
BUSY = 1.0
"""Seconds of lag from which the loop is busy."""
TICK = 0.25
MOST_WAITING = 1024**2
"""Bytes that may wait for a worker that does not read."""


class Listener:
    """The control connection of one worker: its own descriptor, written to from the thread."""

    def __init__(self, accepted: Any) -> None:
        self._socket = socket.socket(fileno=os.dup(accepted.fileno()))
        self._socket.setblocking(False)
        keep_from_children(self._socket)
        self._waiting = bytearray()

    def send(self, data: bytes) -> None:
        """Send what the worker takes at once, and keep the rest, within limits, for the next time."""
        if len(self._waiting) + len(data) <= MOST_WAITING:
            self._waiting += data
        with contextlib.suppress(OSError):  # a worker that is gone is noticed where its connection is read
            while self._waiting:
                del self._waiting[: self._socket.send(self._waiting)]

    def close(self) -> None:
        """Close the descriptor."""
        forget(self._socket)
        self._socket.close()


class Control:
    """The listeners, and the thread that sends to them. It works while the loop is busy."""

    def __init__(self, loop: asyncio.AbstractEventLoop, status: Callable[[], Mapping[str, Any]]) -> None:
        self._loop = loop
        self._status = status
        self._lock = threading.Lock()
        self._listeners: list[Listener] = []
        self._lag = Lag(loop)
        self._last = time.monotonic()
        self._was_busy = False

    def add(self, accepted: Any, frameworks: Mapping[str, str]) -> Listener:
        """Greet a worker, and tell it of the process from now on."""
        listener = Listener(accepted)
        with self._lock:
            listener.send(encode(hello(frameworks)))
            listener.send(encode(self._heartbeat()))
            self._listeners.append(listener)
        return listener

    def remove(self, listener: Listener) -> None:
        """Forget a worker that is gone."""
        with self._lock:
            self._listeners.remove(listener)
            listener.close()

    def tick(self) -> None:
        """Send the heartbeats that are due, and output. Called by the thread every :data:`TICK` seconds."""
        lag = self._lag.measure()
        busy = lag >= BUSY
        if busy != self._was_busy or time.monotonic() - self._last >= HEARTBEAT:
            self._was_busy = busy
            self.beat()
        self.send_output()

    def beat(self) -> None:
        """Send a heartbeat now: what it says has changed. From any thread."""
        with self._lock:
            self._last = time.monotonic()
            data = encode(self._heartbeat())
            for listener in self._listeners:
                listener.send(data)

    def send_output(self, *, last: bool = False) -> None:
        """Send what belongs to no run to one worker, the one that is there the longest. From any thread."""
        with self._lock:
            if self._listeners and (frame := OF_PROCESS.take(last=last)) is not None:
                self._listeners[0].send(encode(frame))

    def _heartbeat(self) -> Frame:
        return {"kind": "heartbeat", "lag": round(self._lag.seconds, 3), **self._status()}


class Lag:
    """How long the loop takes to answer, measured from a thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._asked: float | None = None
        self._seconds = 0.0

    @property
    def seconds(self) -> float:
        """The last answer's delay, or that of the answer that has not come yet if it is longer."""
        asked = self._asked
        return self._seconds if asked is None else max(self._seconds, time.monotonic() - asked)

    def measure(self) -> float:
        """Ask the loop again if it has answered; return the present delay."""
        if self._asked is None:
            self._asked = time.monotonic()
            with contextlib.suppress(RuntimeError):  # the loop is closed: the process ends
                self._loop.call_soon_threadsafe(self._answered)
        return self.seconds

    def _answered(self) -> None:
        asked, self._asked = self._asked, None
        if asked is not None:
            self._seconds = time.monotonic() - asked


def hello(frameworks: Mapping[str, str]) -> Frame:
    """Return the first frame to a worker on its control connection."""
    python = ".".join(map(str, sys.version_info[:3]))
    return {"kind": "hello", "version": VERSION, "pid": os.getpid(), "python": python, "frameworks": dict(frameworks)}


def memory() -> int:
    """Return the bytes of memory that the process has; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
