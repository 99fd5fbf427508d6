"""What a worker does now, and how much it has done: numbers for those who watch a server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PoolUse:
    """Connections to a database: lent to a thread, lying in the pool, and how many there may be at most."""

    used: int
    idle: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestProcess:
    """A guest process that this worker has used, as it sees it.

    ``guest`` is the target of the first guest that it was started for; ``async`` is our own agents and tools that need
    an event loop. ``state`` is ``ready``, ``busy`` (its loop is late: new runs go elsewhere, if they can),
    ``stopping``, or ``idle``: this worker has no connection to it.
    """

    guest: str
    number: int
    state: str
    runs: int
    """Runs of this worker in it."""
    restarts: int
    """Total of the times that it ended while this worker used it."""
    lag: float
    """Seconds that its event loop was late, when it said so last."""
    memory: int
    """Bytes of its memory, when it said so last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One worker at one moment. Totals count from the worker's start; durations are in seconds."""

    runs: int
    """Runs under way."""
    streams: int
    """Answers that last as long as a run: streams, and requests that wait for a run."""
    followers: int
    """Readers of the events of runs, of this worker's and of others'."""
    log_commits: int
    """Total of the commits of the event log."""
    log_events: int
    """Total of the events that they wrote. The end of a run writes its last events itself, and is not counted."""
    log_seconds: float
    """Total of the time that they took."""
    log_lag: float
    """Age that the oldest event which is not in the log may have; 0 without runs. A tenth of a second is usual."""
    leases_renewed: int
    """Total of the leases of runs that were prolonged."""
    leases_lost: int
    """Total of the runs that were stopped here since another worker has them, or their session was deleted."""
    sweeps: int
    """Total of the looks for runs that no living worker has."""
    runs_taken_over: int
    """Total of the runs that were under way at lost workers and that this worker executed again."""
    holds: int
    """Total of the times that one piece of work held the event loop for longer than ``AGENTOS_HOLD_WARNING``."""
    held_seconds: float
    """Total of the time that these took."""
    longest_hold: float
    """Longest time that the event loop did not turn in the last minute; 0 where nothing watches it."""
    pool: PoolUse | None
    """``None`` for a database without a pool."""
    guests: Sequence[GuestProcess] = ()
    """The guest processes that this worker has used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits in the whole deployment, as the database says."""

    queued: int
    """Runs that wait for a worker, or for their session's turn."""
    oldest_queued_at: datetime | None
    """When the oldest of them was made."""
    paused: int
    """Runs that wait for an answer."""
    oldest_approval_at: datetime | None
    """When the oldest approval was asked for that has no answer."""
