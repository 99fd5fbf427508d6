"""Accepting and claiming runs: for which worker, within which bounds, and what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from agentos.domain.checkpoint import Checkpoint
from agentos.domain.message import Message
from agentos.domain.pending import PendingAction
from agentos.domain.run import Run
from agentos.errors import RateLimited


@dataclass(frozen=True, slots=True)
class Quota:
    """How many runs may be there at once; ``None``: any number.

    ``of_owner`` and ``of_all`` bound the runs under way (``queued`` or ``running``), of the new run's owner and of all.
    ``unclaimed`` bounds those that are queued and that no worker has claimed, where the new run is to be one more.
    """

    of_owner: int | None = None
    of_all: int | None = None
    unclaimed: int | None = None

    def check(self, *, of_owner: int = 0, of_all: int = 0, unclaimed: int = 0) -> None:
        """Raise :class:`~agentos.errors.RateLimited` unless one more may be added to so many."""
        if self.of_owner is not None and of_owner >= self.of_owner:
            _refuse("of their owner are under way", "AGENTOS_MAX_RUNS_PER_OWNER", self.of_owner)
        if self.of_all is not None and of_all >= self.of_all:
            _refuse("of this deployment are under way", "AGENTOS_MAX_RUNS", self.of_all)
        if self.unclaimed is not None and unclaimed >= self.unclaimed:
            _refuse("of this deployment wait for a worker", "AGENTOS_BACKGROUND_QUEUE", self.unclaimed, retry_after=5.0)


def _refuse(which: str, setting: str, limit: int, *, retry_after: float = 1.0) -> NoReturn:
    raise RateLimited(
        f"as many runs {which} as may at once, {limit} ({setting}); try again when one has ended",
        retry_after=retry_after,
    )


@dataclass(frozen=True, slots=True)
class Lease:
    """Which worker executes a run. Without a renewal, the run is its own for ``seconds``."""

    worker_id: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Admission:
    """A run that a worker may execute, or that waits: what ``runs.admit`` and ``runs.claim`` return.

    A ``running`` run is the worker's own. A ``queued`` one waits: leased to the worker for its turn in its session
    (``run.worker_id``), or for a worker to claim it.

    ``history`` is the session's last turns, oldest first, whole turns only; ``None``: it was not read, and
    ``runs.window`` has it. ``interrupted`` are the runs, oldest first, that were asked to stop for this one, as
    :meth:`~agentos.storage.runs.RunStore.request_cancel` returns them.

    Of a run that was claimed: its ``checkpoints``; the ``actions`` of its last pause, with their answers; ``logged``,
    the number of the last event in its log, and ``last_event``, the type of that one; ``crashed``, whether it was taken
    from a worker whose lease had run out while it executed the run; ``cancel_requested``, whether it was asked to stop
    before that worker was lost: it is to be ended, not executed.
    """

    run: Run
    history: Sequence[Message] | None = ()
    interrupted: Sequence[Run] = ()
    checkpoints: Sequence[Checkpoint] = ()
    actions: Sequence[PendingAction] = ()
    logged: int = 0
    last_event: str | None = None
    crashed: bool = False
    cancel_requested: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """What the transaction that ended a run says: the session's next run, if it is there for any worker to claim."""

    next_run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Unattended:
    """Runs that no living worker looks after: ``unclaimed`` are to be submitted, ``lost`` to be claimed.

    ``stopped`` were asked to stop and are to be ended: they are paused, or queued without a living worker. They are in
    neither of the other two.
    """

    unclaimed: Sequence[str] = ()
    lost: Sequence[str] = ()
    stopped: Sequence[str] = ()
