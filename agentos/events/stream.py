"""The events of a run under way, in memory, for those who follow it in this worker."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from agentos.domain.event import Frame


class EventStream:
    """One writer appends frames, any number of followers read them from any place on, each at its own pace.

    The frames stay as long as somebody holds the stream. The writer never waits for a reader. With ``durable``, readers
    are shown a frame only once the log has it, so that nothing they have seen can be lost with the process. ``earlier``
    are the frames that the log has already.
    """

    def __init__(self, *, durable: bool = False, earlier: Sequence[Frame] = ()) -> None:
        self._frames: list[Frame] = list(earlier)
        self._changed = threading.Condition()
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
        with self._changed:
            self._frames.append(frame)
            if frame.last:
                self.last = frame
            self._changed.notify_all()

    def follow(self, after: int = 0, *, heartbeat: float) -> Iterator[Sequence[Frame]]:
        """Yield the frames after number ``after`` as they come, those that are there together, until the last one.

        After ``heartbeat`` seconds without a frame an empty batch is yielded, so that the reader can say it is alive.
        Without a last one it ends when the run is handed over.
        """
        while True:
            with self._changed:
                self._await(after, heartbeat)
                batch = self._frames[after : self._shown()]
                ended = self._over() and self._shown() <= after
            if ended:
                return  # the reader had seen the last one already, or has to look for it elsewhere
            after += len(batch)
            yield batch
            if batch and batch[-1].last:
                return

    def _await(self, after: int, heartbeat: float) -> None:
        """Wait until there is something to show; frames that are not logged yet wake the readers in vain."""
        self._changed.wait_for(lambda: self._shown() > after or self._over(), heartbeat)

    def _over(self) -> bool:
        return self.last is not None or self.handed_over

    def _shown(self) -> int:
        """Return how many frames readers may see. At the end it is all: what was not logged before is saved with it."""
        return self._logged if self.durable and self.last is None else len(self._frames)

    def wait(self, timeout: float | None = None) -> Frame | None:
        """Wait for the last frame and return it.

        ``None`` if it has not come within ``timeout`` seconds, or will not because the run is handed over.
        """
        with self._changed:
            self._changed.wait_for(self._over, timeout)
            return self.last

    def hand_over(self) -> None:
        """Send those who follow to the log."""
        with self._changed:
            self.handed_over = True
            self._changed.notify_all()

    def unlogged(self) -> Sequence[Frame]:
        """Return the frames that are not in the log yet."""
        return self._frames[self._logged :]

    def mark_logged(self, number: int) -> None:
        """Note that the log has all frames up to this number."""
        with self._changed:
            self._logged = max(self._logged, number)
            if self.durable:
                self._changed.notify_all()
