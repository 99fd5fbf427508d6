"""How long a call may wait, for its next byte and in all, and one thread that ends calls which wait too long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from agentos.http.failures import DeadlinePassed, ServerSilent, TooMuch

REST_EVERY = 0.05
WAITED = 0.01  # a wait that took so long has let others have their turn; decrypting takes a tenth of it
REST = 0.0001  # more than nothing: a cooperative worker's ``sleep(0)`` lets neither timers nor sockets have their turn
NEVER = float("inf")

EVERY = 0.05  # seconds between two looks of the monitor, and so the most that a wait may take too long
IDLE_LOOKS = 20  # the monitor's thread ends after so many looks with nothing to see; the next call starts another


class CallDeadline:
    """The limits of one call. ``deadline`` is a ``time.monotonic()`` value, ``silence`` is in seconds.

    ``most`` is the number of bytes that may be received, for headers, trailers and empty chunks have no end of their
    own. ``due`` is when the present wait has taken too long. :class:`TimeoutMonitor` then sets ``over`` and cuts the
    connection: a timeout on the socket would be a timer for each token.
    """

    def __init__(self, deadline: float, *, silence: float = NEVER, most: float = NEVER) -> None:
        self.silence = silence
        self.received = 0
        self.due = NEVER
        self.over = False
        self._most = most
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

    def receive(self, count: int) -> None:
        """Count bytes that arrived; raise when they are too many."""
        self.received += count
        if self.received > self._most:
            raise TooMuch("more bytes than are accepted")

    def tighten(self, seconds: float) -> None:
        """Let everything from here on take no longer than this; called again, it counts anew."""
        self._until = min(self._deadline, time.monotonic() + seconds)

    def expired(self) -> TimeoutError:
        """Return the error for a wait that took too long."""
        if time.monotonic() >= self._deadline - 0.005:
            return DeadlinePassed("the deadline of the call passed")
        return ServerSilent(self.silence)


class TimeoutMonitor:
    """Cuts calls that wait too long. There is a thread only while there are calls, and a little longer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cuts: dict[CallDeadline, Callable[[], None]] = {}
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self, deadline: CallDeadline, cut: Callable[[], None]) -> Iterator[None]:
        """While the block runs, set ``deadline.over`` and call ``cut``, which must be quick, once a wait is overdue."""
        with self._lock:
            self._cuts[deadline] = cut
            # A fork leaves threads behind.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="http-timeouts", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            # Cuts are made with the lock held, so that none comes after this.
            with self._lock:
                del self._cuts[deadline]

    def _work(self) -> None:
        idle = 0
        while True:
            time.sleep(EVERY)
            with self._lock:
                idle = 0 if self._cuts else idle + 1
                if idle >= IDLE_LOOKS:
                    self._thread = None
                    return
                now = time.monotonic()
                for deadline, cut in self._cuts.items():
                    if deadline.due <= now and not deadline.over:
                        deadline.over = True
                        cut()


monitor = TimeoutMonitor()
"""The one of all calls of this process."""
