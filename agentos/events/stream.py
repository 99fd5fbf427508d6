"""The events of a run under way, in memory, for those who follow it in this worker."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence

from agentos.alarm import Alarm, Silence
from agentos.domain.event import Frame


class EventStream:
    """One writer appends frames, any number of followers read them from any place on, each at its own pace.

    The frames stay as long as somebody holds the stream. The writer never waits for a reader. With ``durable``, readers
    are shown a frame only once the log has it, so that nothing they have seen can be lost with the process. ``earlier``
    are the frames that the log has already. The alarm tells followers of a silence.
    """

    def __init__(self, alarm: Alarm, *, durable: bool = False, earlier: Sequence[Frame] = ()) -> None:
        self._alarm = alarm
        self._frames: list[Frame] = list(earlier)
        self._lock = threading.Lock()
        # Who waits does so in a lock of its own, which whoever has something for it releases: neither costs a timer.
        self._followers: list[threading.Lock] = []
        self._waiters: list[threading.Lock] = []
        self.durable = durable
        self._logged = len(self._frames)
        self.last: Frame | None = None
        """The event after which nothing comes, once it is there."""
        self.handed_over = False
        """True once another worker has the run: whoever follows has to read on in the log."""

    @property
    def next_number(self) -> int:
        """The number of the frame that comes next."""
        return len(self._frames) + 1

    def append(self, frame: Frame) -> None:
        """Add the next frame and wake everybody who waits for it."""
        self.extend((frame,))

    def extend(self, frames: Sequence[Frame]) -> None:
        """Add the next frames, and wake, once, everybody who waits for them."""
        if not frames:
            return
        with self._lock:
            self._frames += frames
            if frames[-1].last:
                self.last = frames[-1]
            if not self.durable or self.last is not None:
                self._wake()

    def follow(self, after: int = 0, *, heartbeat: float) -> Generator[Sequence[Frame], None, int]:
        """Yield the frames after number ``after`` as they come, those that are there together, until the last one.

        After ``heartbeat`` seconds without a frame an empty batch is yielded, so that the reader can say it is alive.
        Without a last one it ends when the run is handed over. Returns the number of the last frame it yielded.
        """
        bell = threading.Lock()
        bell.acquire()
        silence = Silence(self._alarm, heartbeat, lambda: self._ring(bell))
        try:
            while True:
                with self._lock:
                    batch = self._frames[after : self._shown()]
                    if not batch and self._over():
                        return after  # the reader had seen the last one already, or has to look for it elsewhere
                    waits = not batch and not silence.over
                    if waits:
                        self._followers.append(bell)
                if waits:
                    bell.acquire()
                    continue
                after += len(batch)
                yield batch
                if batch and batch[-1].last:
                    return after
                silence.broken()
        finally:
            silence.cancel()

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
            self._ring(bell)
        return self.last

    def hand_over(self) -> None:
        """Send those who follow to the log."""
        with self._lock:
            self.handed_over = True
            self._wake()

    def unlogged(self) -> Sequence[Frame]:
        """Return the frames that are not in the log yet."""
        return self._frames[self._logged :]

    def mark_logged(self, number: int) -> None:
        """Note that the log has all frames up to this number."""
        with self._lock:
            self._logged = max(self._logged, number)
            if self.durable:
                self._wake()

    def _over(self) -> bool:
        return self.last is not None or self.handed_over

    def _shown(self) -> int:
        """Return how many frames readers may see. At the end it is all: what was not logged before is saved with it."""
        return self._logged if self.durable and self.last is None else len(self._frames)

    def _wake(self) -> None:
        """Wake those who follow, and at the end those who wait for it."""
        waking, self._followers = self._followers, []
        if self._over():
            waking += self._waiters
            self._waiters = []
        for bell in waking:
            bell.release()

    def _ring(self, bell: threading.Lock) -> None:
        """Wake one alone, if it waits."""
        with self._lock:
            for bells in (self._followers, self._waiters):
                if bell in bells:
                    bells.remove(bell)
                    bell.release()
