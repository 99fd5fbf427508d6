"""The events of a run under way, in memory, for those who follow it in this worker."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from agentos.domain.event import Frame


class EventStream:
    """One writer appends frames, any number of followers read them from any place on, each at its own pace.

    The frames stay as long as somebody holds the stream. The writer never waits for a reader.
    """

    def __init__(self) -> None:
        self._frames: list[Frame] = []
        self._changed = threading.Condition()
        self._logged = 0
        self.last: Frame | None = None
        """The event after which nothing comes, once it is there."""

    @property
    def next_number(self) -> int:
        """The number of the frame that comes next."""
        return len(self._frames) + 1

    def append(self, frame: Frame) -> None:
        """Add the next frame and wake everybody who waits for it."""
        with self._changed:
            self._frames.append(frame)
            if frame.last:
                self.last = frame
            self._changed.notify_all()

    def follow(self, after: int = 0, *, heartbeat: float) -> Iterator[Sequence[Frame]]:
        """Yield the frames after number ``after`` as they come, those that are there together, until the last one.

        After ``heartbeat`` seconds without a frame an empty batch is yielded, so that the reader can say it is alive.
        """
        while True:
            with self._changed:
                if len(self._frames) <= after:
                    self._changed.wait(heartbeat)
                batch = self._frames[after:]
            after += len(batch)
            yield batch
            if batch and batch[-1].last:
                return

    def wait(self, timeout: float | None = None) -> Frame | None:
        """Wait for the last frame and return it; ``None`` if it has not come within ``timeout`` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self.last is not None, timeout)
            return self.last

    def unlogged(self) -> Sequence[Frame]:
        """Return the frames that are not in the log yet."""
        return self._frames[self._logged :]

    def mark_logged(self, number: int) -> None:
        """Note that the log has all frames up to this number."""
        self._logged = max(self._logged, number)
