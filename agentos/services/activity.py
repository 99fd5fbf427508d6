"""Reads what this worker does, and what waits in the deployment, for plugins that show it to a monitoring system."""

from __future__ import annotations

from typing import Protocol

from agentos.domain.activity import Activity, Backlog
from agentos.events.log import EventLog
from agentos.execution.leases import LeaseKeeper
from agentos.execution.sweeper import Sweeper
from agentos.execution.worker import Worker
from agentos.services.guests import GuestService
from agentos.storage.interface import Storage


class OpenStreams(Protocol):
    """Counts the answers that last as long as a run."""

    open: int


class LoopWatch(Protocol):
    """Watches the event loop: see :mod:`agentos.serving.watchdog`."""

    holds: int
    held_seconds: float

    @property
    def longest(self) -> float:
        """The longest hold of the last minute, in seconds."""


class _NoStreams:
    open = 0


class _NotWatched:
    holds = 0
    held_seconds = longest = 0.0


class ActivityService:
    """Reads numbers that the parts of a worker keep. ``streams`` and ``loop`` are set by what serves, if anything does.

    >>> server.activity.now().followers  # doctest: +SKIP
    3
    """

    def __init__(
        self,
        storage: Storage,
        worker: Worker,
        log: EventLog,
        leases: LeaseKeeper,
        sweeper: Sweeper,
        guests: GuestService,
    ) -> None:
        self.streams: OpenStreams = _NoStreams()
        self.loop: LoopWatch = _NotWatched()
        self._storage = storage
        self._worker = worker
        self._log = log
        self._leases = leases
        self._sweeper = sweeper
        self._guests = guests

    def now(self) -> Activity:
        """Return this worker's numbers. Asks no database and waits for nothing."""
        return Activity(
            runs=len(self._worker.running()),
            streams=self.streams.open,
            followers=self._worker.followers.now,
            log_commits=self._log.commits,
            log_events=self._log.events,
            log_seconds=self._log.commit_seconds,
            log_lag=self._log.lag,
            leases_renewed=self._leases.renewed,
            leases_lost=self._leases.lost,
            sweeps=self._sweeper.sweeps,
            runs_taken_over=self._worker.taken_over,
            holds=self.loop.holds,
            held_seconds=self.loop.held_seconds,
            longest_hold=self.loop.longest,
            pool=self._storage.pool(),
            guests=self._guests.processes(),
        )

    def backlog(self) -> Backlog | None:
        """Return what waits in the whole deployment; ``None`` if the storage backend does not count it.

        Two queries, each answered by an index of what waits. Raises :class:`~agentos.errors.StorageError`.
        """
        return self._storage.runs.backlog()
