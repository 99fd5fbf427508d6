"""How long a call may wait: for its next byte, and in all."""

from __future__ import annotations

import time

from agentos.errors import ExecutionError, ProviderUnavailable, RunTimeout

REST_EVERY = 0.05
WAITED = 0.01
"""A wait that took so long has let others have their turn; decrypting takes a tenth of it."""
REST = 0.0001
"""More than nothing: a cooperative worker's ``sleep(0)`` lets neither timers nor sockets have their turn."""
NEVER = float("inf")


class Pace:
    """The waiting times of one call; ``deadline`` is a ``time.monotonic()`` value, ``silence`` is in seconds.

    ``due`` is when the wait that goes on at present has taken too long. Who finds it so sets ``over`` and cuts the
    connection (see :class:`~agentos.http.watch.Watch`): a timeout on the socket would be a timer for each
    token.
    """

    def __init__(self, *, deadline: float, silence: float) -> None:
        self.silence = silence
        self.received = False
        self.due = NEVER
        self.over = False
        self._deadline = deadline
        self._until = deadline
        self._began = self._rested = time.monotonic()

    def begin_wait(self) -> float:
        """Begin to wait; return the seconds that it may take, or raise what ends the call when none are left."""
        now = time.monotonic()
        if now - self._rested > REST_EVERY:
            # A server that sends faster than we decode never makes us wait, and would keep a cooperative worker from
            # doing anything else.
            time.sleep(REST)
            self._rested = now
        if self.over or now >= self._until:
            raise self.expired()
        self._began = now
        self.due = min(self._until, now + self.silence)
        return self.due - now

    def end_wait(self) -> None:
        """Count no more time as waiting: what the consumer of an answer needs is not the server's silence."""
        self.due = NEVER
        now = time.monotonic()
        if now - self._began > WAITED:
            self._rested = now

    def hurry(self, seconds: float) -> None:
        """Let everything from here on take no longer than this; called again, it counts anew."""
        self._until = min(self._deadline, time.monotonic() + seconds)

    def expired(self) -> ExecutionError:
        """Return the error for a wait that took too long."""
        if time.monotonic() >= self._deadline - 0.005:
            return RunTimeout("the run's time was over before the model had answered")
        return ProviderUnavailable(f"the model server was silent for {self.silence:g} s")
