"""The events of a run under way, in memory, for its followers in this worker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence

from agentos.domain.checkpoint import Checkpoint
from agentos.domain.event import Frame
from agentos.timers import IdleTimer, TimerThread

Sink = Callable[[Sequence[Frame]], bool]
"""Pushes frames to a follower; returns False if it took none of them. Must not block or raise."""


class EventStream:
    """One writer appends frames, any number of followers read them from any place on, each at its own pace.

    The writer never waits for a follower. A frame stays until the log has had it for a while; a follower that is
    further behind reads the log. With ``durable``, followers are shown a frame only once the log has it, so that
    nothing they have seen can be lost with the process. ``logged`` is how many frames the log has already. The
    timer thread wakes followers after a silence.
    """

    def __init__(self, timers: TimerThread, *, durable: bool = False, logged: int = 0) -> None:
        self._timers = timers
        self._frames: list[Frame] = []
        self._lock = threading.Lock()
        self._followers: list[_Follower] = []
        """Those that wait for the next frame."""
        self._waiters: list[threading.Lock] = []
        self.durable = durable
        self._gone = self._logged = self._count = logged
        self._checkpoints: list[tuple[int, Checkpoint]] = []
        """Those that are not saved yet, each with the number of the frame before it."""
        self.last: Frame | None = None
        """The event after which nothing comes here, once it is there: the run's end, or a pause."""
        self.redirected_to_log = False
        """True once another worker has the run: followers continue in the log."""

    @property
    def continues_elsewhere(self) -> bool:
        """True once nothing comes here any more of a run that has not ended: it paused, or another worker has it."""
        return self.redirected_to_log if self.last is None else not self.last.last

    @property
    def next_number(self) -> int:
        """The number of the frame that comes next."""
        return self._count + 1

    def append(self, frame: Frame) -> None:
        """Add the next frame and publish it."""
        self.extend((frame,))

    def extend(self, frames: Sequence[Frame]) -> None:
        """Add the next frames and publish them together."""
        if not frames:
            return
        with self._lock:
            self._frames += frames
            self._count += len(frames)
            if frames[-1].stops:
                self.last = frames[-1]
                self._wake()
            elif not self.durable:
                self._publish(frames)

    def add_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Add what is to be saved with the frames so far, or after them."""
        with self._lock:
            self._checkpoints.append((self._count, checkpoint))

    def retains(self, after: int) -> bool:
        """Return whether the frames after number ``after`` are still here."""
        return after >= self._gone

    def follow(
        self, after: int = 0, *, heartbeat: float, sink: Sink | None = None
    ) -> Generator[Sequence[Frame], None, int]:
        """Yield the frames after number ``after`` as they come, those that are there together, until the last one.

        After ``heartbeat`` seconds without a frame an empty batch is yielded, so that the reader can say it is alive.
        Without a last one it ends when followers are redirected to the log, and where the next frame has gone. Returns
        the number of the last frame that the follower has.

        While the follower waits, new frames are pushed into ``sink``, which spares waking it. What the sink does not
        take, and the last frame, are yielded.
        """
        follower = _Follower(after, sink)
        follower.idle = IdleTimer(self._timers, heartbeat, lambda: self._wake_one(follower))
        try:
            while True:
                with self._lock:
                    if follower.after < self._gone:
                        return follower.after
                    batch = self._since(follower.after)
                    if not batch and self._over():
                        return follower.after  # it had seen the last one already, or has to look for it elsewhere
                    waits = not batch and not follower.idle.expired
                    if waits:
                        self._followers.append(follower)
                if waits:
                    follower.wakeup.acquire()
                    continue
                follower.after += len(batch)
                yield batch
                if batch and batch[-1] is self.last:
                    return follower.after
                follower.idle.reset()
        finally:
            follower.idle.cancel()
            self._leave(follower)

    def wait(self, timeout: float | None = None) -> Frame | None:
        """Wait for the last frame and return it.

        ``None`` if it has not come within ``timeout`` seconds, or will not because another worker has the run.
        """
        wakeup = threading.Lock()
        wakeup.acquire()
        with self._lock:
            if self._over():
                return self.last
            self._waiters.append(wakeup)
        if not wakeup.acquire(timeout=-1 if timeout is None else max(0.0, timeout)):
            with self._lock:
                if wakeup in self._waiters:
                    self._waiters.remove(wakeup)
        return self.last

    def redirect_to_log(self) -> None:
        """Make all followers continue in the log."""
        with self._lock:
            self.redirected_to_log = True
            self._wake()

    def unlogged(self) -> Sequence[Frame]:
        """Return the frames that are not in the log yet."""
        with self._lock:
            return self._frames[self._logged - self._gone :]

    def unsaved(self, limit: int) -> tuple[Sequence[Frame], Sequence[Checkpoint]]:
        """Return up to ``limit`` frames that are not in the log yet, and the checkpoints to be saved with them."""
        with self._lock:
            first = self._logged - self._gone
            frames = self._frames[first : first + limit]
            return frames, [one for number, one in self._checkpoints if number <= self._logged + len(frames)]

    def unsaved_checkpoints(self) -> Sequence[Checkpoint]:
        """Return the checkpoints that are not saved yet."""
        with self._lock:
            return [one for _, one in self._checkpoints]

    def mark_logged(self, number: int, checkpoints: int = 0) -> None:
        """Note that the log has all frames up to this number, and drop those that it had before.

        Of the checkpoints, as many as are given are saved, the oldest.
        """
        with self._lock:
            del self._checkpoints[:checkpoints]
            if number <= self._logged:
                return
            # A close follower is less than one group of the log behind, and never has to look there.
            del self._frames[: self._logged - self._gone]
            self._gone = self._logged
            self._logged = max(self._logged, number)
            if self.durable and self.last is None and self._logged > self._gone:
                self._publish(self._frames[: self._logged - self._gone])

    def _over(self) -> bool:
        return self.last is not None or self.redirected_to_log

    def _since(self, after: int) -> Sequence[Frame]:
        """Return what followers may see after a number. At the end it is all: what was not logged is saved with it."""
        shown = self._logged if self.durable and self.last is None else self._count
        return self._frames[after - self._gone : shown - self._gone]

    def _publish(self, frames: Sequence[Frame]) -> None:
        """Push new frames to the waiting followers; wake those that do not take them."""
        waiting, self._followers = self._followers, []
        for follower in waiting:
            if follower.try_push(frames):
                self._followers.append(follower)
            else:
                follower.wakeup.release()

    def _wake(self) -> None:
        """Wake all followers, and all that wait for the end."""
        wakeups = [follower.wakeup for follower in self._followers] + self._waiters
        self._followers, self._waiters = [], []
        for wakeup in wakeups:
            wakeup.release()

    def _wake_one(self, follower: _Follower) -> None:
        """Wake one follower, if it waits."""
        if self._leave(follower):
            follower.wakeup.release()

    def _leave(self, follower: _Follower) -> bool:
        """Remove a follower from the waiting ones; return whether it was one."""
        with self._lock:
            waited = follower in self._followers
            if waited:
                self._followers.remove(follower)
            return waited


class _Follower:
    """How far one follower of a stream is, and how it gets more."""

    __slots__ = ("_sink", "after", "idle", "wakeup")

    idle: IdleTimer

    def __init__(self, after: int, sink: Sink | None) -> None:
        self.after = after
        # It waits for this lock, which the writer releases: neither side needs a timer.
        self.wakeup = threading.Lock()
        self.wakeup.acquire()
        self._sink = sink

    def try_push(self, frames: Sequence[Frame]) -> bool:
        """Push frames into the sink; return whether it took them."""
        # A follower that asked for frames far ahead waits too, and must not get those before them.
        if self._sink is None or frames[0].number != self.after + 1 or not self._sink(frames):
            return False
        self.after += len(frames)
        self.idle.reset()
        return True
