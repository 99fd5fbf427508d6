"""Accepting a run: for which worker, within which bounds, and what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from agentos.domain.message import Message
from agentos.domain.run import Run
from agentos.errors import RateLimited


@dataclass(frozen=True, slots=True)
class Quota:
    """How many runs may be unfinished at once, of the new run's owner and of all; ``None``: any number."""

    of_owner: int | None = None
    of_all: int | None = None

    @property
    def limited(self) -> bool:
        """True when there is anything to count."""
        return self.of_owner is not None or self.of_all is not None

    def check(self, *, of_owner: int, of_all: int) -> None:
        """Raise :class:`~agentos.errors.RateLimited` unless one more may be added to so many unfinished runs."""
        if self.of_owner is not None and of_owner >= self.of_owner:
            _refuse("of their owner", "AGENTOS_MAX_RUNS_PER_OWNER", self.of_owner)
        if self.of_all is not None and of_all >= self.of_all:
            _refuse("of this deployment", "AGENTOS_MAX_RUNS", self.of_all)


def _refuse(which: str, setting: str, limit: int) -> NoReturn:
    raise RateLimited(
        f"as many runs {which} are under way as may be at once, {limit} ({setting}); try again when one has ended",
        retry_after=1.0,
    )


@dataclass(frozen=True, slots=True)
class Lease:
    """Which worker executes a run. Without a renewal, the run is its own for ``seconds``."""

    worker_id: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Admission:
    """An admitted run. While its status is ``queued``, it has to wait and ``history`` is empty.

    ``history`` is the session's last turns, oldest first, whole turns only. ``interrupted`` are the ids of the runs,
    oldest first, that were asked to stop for this one.
    """

    run: Run
    history: Sequence[Message] = ()
    interrupted: Sequence[str] = ()
