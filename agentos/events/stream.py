"""The events of a run under way, in memory, for those who follow it in this worker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence

from agentos.domain.event import Frame
from agentos.timers import IdleTimer, TimerThread

Deliver = Callable[[Sequence[Frame]], bool]
"""Hands frames to who follows without waiting and without raising; or hands over none of them, and returns False."""


class EventStream:
    """One writer appends frames, any number of followers read them from any place on, each at its own pace.

    The writer never waits for a reader. A frame stays until the log has had it for a while; who is so far behind that
    it has gone reads on in the log. With ``durable``, readers are shown a frame only once the log has it, so that
    nothing they have seen can be lost with the process. ``logged`` is how many frames the log has already. The timer
    thread sends heartbeats.
    """

    def __init__(self, timers: TimerThread, *, durable: bool = False, logged: int = 0) -> None:
        self._timers = timers
        self._frames: list[Frame] = []
        self._lock = threading.Lock()
        self._followers: list[_Follower] = []
        """Those who have seen all there is to see."""
        self._waiters: list[threading.Lock] = []
        self.durable = durable
        self._gone = self._logged = self._count = logged
        self.last: Frame | None = None
        """The event after which nothing comes, once it is there."""
        self.handed_over = False
        """True once another worker has the run: whoever follows has to read on in the log."""

    @property
    def next_number(self) -> int:
        """The number of the frame that comes next."""
        return self._count + 1

    def append(self, frame: Frame) -> None:
        """Add the next frame and wake everybody who waits for it."""
        self.extend((frame,))

    def extend(self, frames: Sequence[Frame]) -> None:
        """Add the next frames, and wake, once, everybody who waits for them."""
        if not frames:
            return
        with self._lock:
            self._frames += frames
            self._count += len(frames)
            if frames[-1].last:
                self.last = frames[-1]
                self._wake()
            elif not self.durable:
                self._offer(frames)

    def holds(self, after: int) -> bool:
        """Tell whether who has seen the frames up to number ``after`` can read on here."""
        return after >= self._gone

    def follow(
        self, after: int = 0, *, heartbeat: float, deliver: Deliver | None = None
    ) -> Generator[Sequence[Frame], None, int]:
        """Yield the frames after number ``after`` as they come, those that are there together, until the last one.

        After ``heartbeat`` seconds without a frame an empty batch is yielded, so that the reader can say it is alive.
        Without a last one it ends when the run is handed over, and where the next frame has gone. Returns the number
        of the last frame that the reader has.

        With ``deliver``, the writer hands over by it what comes while the reader waits, which spares waking the reader.
        What is not taken, and the last frame, are yielded.
        """
        reader = _Follower(after, deliver)
        reader.idle = IdleTimer(self._timers, heartbeat, lambda: self._ring(reader))
        try:
            while True:
                with self._lock:
                    if reader.after < self._gone:
                        return reader.after
                    batch = self._since(reader.after)
                    if not batch and self._over():
                        return reader.after  # it had seen the last one already, or has to look for it elsewhere
                    waits = not batch and not reader.idle.expired
                    if waits:
                        self._followers.append(reader)
                if waits:
                    reader.bell.acquire()
                    continue
                reader.after += len(batch)
                yield batch
                if batch and batch[-1] is self.last:
                    return reader.after
                reader.idle.reset()
        finally:
            reader.idle.cancel()
            self._leave(reader)

    def wait(self, timeout: float | None = None) -> Frame | None:
        """Wait for the last frame and return it.

        ``None`` if it has not come within ``timeout`` seconds, or will not because the run is handed over.
        """
        bell = threading.Lock()
        bell.acquire()
        with self._lock:
            if self._over():
                return self.last
            self._waiters.append(bell)
        if not bell.acquire(timeout=-1 if timeout is None else max(0.0, timeout)):
            with self._lock:
                if bell in self._waiters:
                    self._waiters.remove(bell)
        return self.last

    def hand_over(self) -> None:
        """Send those who follow to the log."""
        with self._lock:
            self.handed_over = True
            self._wake()

    def unlogged(self) -> Sequence[Frame]:
        """Return the frames that are not in the log yet."""
        with self._lock:
            return self._frames[self._logged - self._gone :]

    def mark_logged(self, number: int) -> None:
        """Note that the log has all frames up to this number, and let go of those that it had before."""
        with self._lock:
            # Who follows closely is less than one group of the log behind, and never has to look there.
            del self._frames[: self._logged - self._gone]
            self._gone = self._logged
            self._logged = max(self._logged, number)
            if self.durable and self.last is None and self._logged > self._gone:
                self._offer(self._frames[: self._logged - self._gone])

    def _over(self) -> bool:
        return self.last is not None or self.handed_over

    def _since(self, after: int) -> Sequence[Frame]:
        """Return what readers may see after a number. At the end it is all: what was not logged is saved with it."""
        shown = self._logged if self.durable and self.last is None else self._count
        return self._frames[after - self._gone : shown - self._gone]

    def _offer(self, frames: Sequence[Frame]) -> None:
        """Have those who follow take what is new, or wake them to take it."""
        followers, self._followers = self._followers, []
        for reader in followers:
            if reader.takes(frames):
                self._followers.append(reader)
            else:
                reader.bell.release()

    def _wake(self) -> None:
        """Wake all: those who follow, and those who wait for the end."""
        bells = [reader.bell for reader in self._followers] + self._waiters
        self._followers, self._waiters = [], []
        for bell in bells:
            bell.release()

    def _ring(self, reader: _Follower) -> None:
        """Wake one alone, if it waits."""
        if self._leave(reader):
            reader.bell.release()

    def _leave(self, reader: _Follower) -> bool:
        """Count one not among those who wait any more; tell whether it was."""
        with self._lock:
            waited = reader in self._followers
            if waited:
                self._followers.remove(reader)
            return waited


class _Follower:
    """Who follows a stream: how far it is, and how it hears of more."""

    __slots__ = ("_deliver", "after", "bell", "idle")

    idle: IdleTimer

    def __init__(self, after: int, deliver: Deliver | None) -> None:
        self.after = after
        # It waits in a lock of its own, which whoever has something for it releases: neither costs a timer.
        self.bell = threading.Lock()
        self.bell.acquire()
        self._deliver = deliver

    def takes(self, frames: Sequence[Frame]) -> bool:
        """Deliver frames; tell whether that was possible."""
        # One that asked for what is far ahead waits too, and is not to be given what comes before.
        if self._deliver is None or frames[0].number != self.after + 1 or not self._deliver(frames):
            return False
        self.after += len(frames)
        self.idle.reset()
        return True
