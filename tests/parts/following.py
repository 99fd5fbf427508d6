"""A reader of a run's events beside the test."""

import threading
from collections.abc import Iterator, Sequence

from agentos.domain.event import Frame


class Reader:
    """Follows in a thread of its own, as a client's connection does, and keeps what came."""

    def __init__(self, frames: Iterator[Sequence[Frame]], batches: list[Sequence[Frame]] | None = None) -> None:
        self.batches: list[Sequence[Frame]] = [] if batches is None else batches
        self._frames = frames
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for batch in self._frames:
            self.batches.append(batch)

    @property
    def frames(self) -> list[Frame]:
        return [frame for batch in self.batches for frame in batch]

    @property
    def reads(self) -> bool:
        return self._thread.is_alive()

    def all(self) -> list[Frame]:
        self._thread.join(10)
        assert not self._thread.is_alive(), "following did not end"
        return self.frames
