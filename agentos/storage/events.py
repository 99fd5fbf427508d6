"""The event logs of runs: batches of frames, and the contract of their store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime

from agentos.domain.checkpoint import Checkpoint
from agentos.domain.event import Frame


@dataclass(frozen=True, slots=True)
class FrameBatch:
    """Consecutive new frames of one run. With ``attempt``, they are left out once the run is at another attempt.

    ``checkpoints`` are saved with them, and left out with them.
    """

    run_id: str
    frames: Sequence[Frame] = field(default_factory=tuple)
    attempt: int | None = None
    checkpoints: Sequence[Checkpoint] = ()

    def is_accepted_at(self, attempt: int | None) -> bool:
        """Return whether an unfinished run at this attempt takes the batch; ``None`` stands for no such run."""
        return attempt is not None and self.attempt in (None, attempt)


def check_consecutive(run_id: str, frames: Sequence[Frame]) -> None:
    """Raise ``ValueError``, a caller's bug, unless the frames' numbers follow each other."""
    for number, frame in enumerate(frames, frames[0].number if frames else 0):
        if frame.number != number:
            raise ValueError(f"frame {frame.number} of run {run_id!r} stands where {number} should")
        if b"\n" in frame.data:
            raise ValueError(f"frame {frame.number} of run {run_id!r} is more than one line")


class EventStore(ABC):
    """Frames by run and number."""

    @abstractmethod
    def append(self, batches: Sequence[FrameBatch]) -> Set[str]:
        """Append to the event logs of many runs, with their checkpoints, in one transaction; return those left out.

        Left out are runs that are gone, have ended, or are at another attempt than their batch; their ids are returned.
        A batch may have checkpoints and no frames. A frame or checkpoint that is there already counts once.
        """

    @abstractmethod
    def read(self, run_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Frame]:
        """Return up to ``limit`` frames with a number greater than ``after``, in order.

        Of any owner's run: the caller has found the run by ``runs.get``, and no run changes its owner.
        """

    @abstractmethod
    def delete_old(self, *, ended_before: datetime, limit: int) -> int:
        """Delete the event logs of up to ``limit`` runs that ended before a time; return how many. Call until 0.

        Of a run that has ended, no frame left means that its log has expired: each one that ends leaves its last frame.
        """
