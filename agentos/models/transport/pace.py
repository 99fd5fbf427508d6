"""How long a call may wait: for its next byte, and in all."""

from __future__ import annotations

import io
import socket
import time
from typing import TYPE_CHECKING

from agentos.errors import ExecutionError, ProviderUnavailable, RunTimeout

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

REST_EVERY = 0.05
WAITED = 0.01
"""A receive that took so long has waited, and let others have their turn; decrypting takes a tenth of it."""
REST = 0.0001
"""More than nothing: a cooperative worker's ``sleep(0)`` lets neither timers nor sockets have their turn."""


class Pace:
    """The waiting times of one call; ``deadline`` is a ``time.monotonic()`` value, ``silence`` is in seconds."""

    def __init__(self, *, deadline: float, silence: float) -> None:
        self.silence = silence
        self.received = False
        self._deadline = deadline
        self._until = deadline

    def allowance(self) -> float:
        """Return the seconds that the next wait may take; raise what ends the call when none are left."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise self.expired()
        return min(left, self.silence)

    def hurry(self, seconds: float) -> None:
        """Let everything from here on take no longer than this."""
        self._until = min(self._until, time.monotonic() + seconds)

    def expired(self) -> ExecutionError:
        """Return the error for a wait that took too long."""
        if time.monotonic() >= self._deadline - 0.005:
            return RunTimeout("the run's time was over before the model had answered")
        return ProviderUnavailable(f"the model server was silent for {self.silence:g} s")


class PacedReader(io.RawIOBase):
    """Reads a socket by a :class:`Pace`.

    The timeout of a socket is per receive: without a look at the deadline before each one, a server that drips a byte a
    second, be it into its headers, would never time out.
    """

    def __init__(self, sock: socket.socket, pace: Pace) -> None:
        self._sock = sock
        self._pace = pace
        # The unbuffered file counts as a user of the socket: http.client closes the connection of a response that is
        # its last one while the body is still to be read.
        self._file = sock.makefile("rb", buffering=0)
        self._rested = time.monotonic()

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        """Receive what there is, or wait for it as long as the pace allows."""
        now = time.monotonic()
        if now - self._rested > REST_EVERY:
            # A server that sends faster than we decode never makes us wait, and would keep a cooperative worker from
            # doing anything else.
            self._rested = now
            time.sleep(REST)
        self._sock.settimeout(self._pace.allowance())
        try:
            count = self._file.readinto(buffer)
        except TimeoutError:
            raise self._pace.expired() from None
        if count:
            self._pace.received = True
        if time.monotonic() - now > WAITED:
            self._rested = now
        return count

    def close(self) -> None:
        """Give up the use of the socket."""
        self._file.close()
        super().close()
