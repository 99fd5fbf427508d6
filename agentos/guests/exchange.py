"""One run or call at a guest process: its connection, how it is cancelled, and what happens if it does not stop."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from agentos.guests.guest_process import GuestProcess
from agentos.guests.wire import FrameReader
from agentos.timers import TimerHandle, TimerThread


class Exchange:
    """Sends the frame that starts a run or a call, and reads what comes of it."""

    def __init__(
        self, connection: socket.socket, pid: int, process: GuestProcess, timers: TimerThread, kill_after: float
    ) -> None:
        self._connection = connection
        self._pid = pid
        self._process = process
        self._timers = timers
        self._kill_after = kill_after
        self._lock = threading.Lock()
        self._over = False
        self._left = False
        """Whether the block of this exchange has ended."""
        self._kill: TimerHandle | None = None

    def start(self, frame: bytes) -> None:
        """Send the first frame, encoded. Raises ``OSError``."""
        self._connection.sendall(frame)

    def __iter__(self) -> Iterator[list[dict[str, Any]]]:
        """Yield the frames that arrived together, until the guest closes. Raises as :class:`FrameReader` does."""
        try:
            yield from FrameReader(self._connection)
        except OSError:
            self._over = True
            raise
        self._over = True

    def cancel(self) -> None:
        """Ask the guest to stop, from any thread, without waiting. Kill its process unless it does in some seconds."""
        with self._lock:
            if self._over or self._kill is not None:
                return
            self._kill = self._timers.call_at(time.monotonic() + self._kill_after, self._end)
        with contextlib.suppress(OSError):
            # The end of what we send is what cancels. A frame that says so might wait for the guest to read.
            self._connection.shutdown(socket.SHUT_WR)

    def finish(self) -> None:
        """Note that the guest said how it ended: there is nothing to cancel."""
        self._over = True

    def leave(self) -> bool:
        """Leave the exchange. Return False for one that is not over: it is cancelled, and closes later."""
        self.cancel()
        with self._lock:
            self._left = True
            if not self._over:
                return False
        self.close()
        return True

    def close(self) -> None:
        """Close the connection. The guest takes that for a cancel."""
        self._over = True
        if self._kill is not None:
            self._kill.cancel()
        self._connection.close()

    def _end(self) -> None:
        if self._over:
            return
        with self._lock:
            left = self._left
        if not (left and self._has_ended()):
            # The process at the other end, which may not be the one that takes runs now.
            self._process.kill(self._pid, f"a run did not end within {self._kill_after:g} s after it was cancelled")
        with contextlib.suppress(OSError):  # the thread that reads must not wait for a child that has the connection
            self._connection.shutdown(socket.SHUT_RDWR)
        self._over = True
        if left:
            self._connection.close()

    def _has_ended(self) -> bool:
        """Whether the guest has closed. Nothing else reads here any more."""
        self._connection.settimeout(0)
        try:
            while self._connection.recv(64 * 1024):
                pass
        except BlockingIOError:
            return False
        except OSError:
            pass
        return True
