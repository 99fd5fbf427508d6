"""All guest processes that a server uses."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agentos.domain.guest import Guest, GuestAdapter
from agentos.errors import ShuttingDown
from agentos.guests.directory import GuestsDirectory
from agentos.guests.pool import GuestPool, ProcessActivity
from agentos.guests.start import Start, Times
from agentos.timers import TimerThread


@dataclass(frozen=True, slots=True)
class GuestActivity:
    """What the processes of some guests do, as this worker sees it."""

    targets: Sequence[str]
    """The guests that share the processes."""
    processes: Sequence[ProcessActivity]


class GuestPools:
    """Finds the processes of a guest. Starts nothing before a run needs it, so it may be made before workers fork.

    ``adapters`` are given to every process, or are what is called for them when a guest is first used. ``directory`` is
    where processes and workers find each other: without one, the deployment's, or in a process that is no worker of one
    a temporary folder.
    """

    def __init__(
        self,
        adapters: Sequence[GuestAdapter] | Callable[[], Sequence[GuestAdapter]] = (),
        *,
        directory: Path | None = None,
        times: Times = Times(),  # noqa: B008 - frozen
    ) -> None:
        self._adapters = adapters
        self._directory_path = directory
        self._directory: GuestsDirectory | None = None
        self._times = times
        self._timers = TimerThread()
        self._lock = threading.Lock()
        self._pools: dict[str, GuestPool] = {}
        self._targets: dict[str, dict[str, None]] = {}
        self._of: dict[Guest, GuestPool] = {}
        self._closed = False

    def pool(self, guest: Guest) -> GuestPool:
        """Return the processes of a guest. Raises :class:`~agentos.errors.ShuttingDown` once they are closed."""
        pool = self._of.get(guest)
        return pool or self._make(guest)

    def activity(self) -> list[GuestActivity]:
        """Return what all processes do that this worker has used."""
        with self._lock:
            pools = [(tuple(self._targets[key]), pool) for key, pool in self._pools.items()]
        return [GuestActivity(targets, pool.activity()) for targets, pool in pools]

    def close(self) -> None:
        """Stop using all processes. Call it when the runs have ended."""
        with self._lock:
            self._closed = True
            pools, self._pools, self._of = list(self._pools.values()), {}, {}
        for pool in pools:
            pool.close()
        self._timers.close()
        if self._directory is not None:
            self._directory.close()

    def _make(self, guest: Guest) -> GuestPool:
        adapters = self._adapters() if callable(self._adapters) else self._adapters
        start = Start(guest, tuple(adapters), self._times)
        key = start.key
        with self._lock:
            if self._closed:
                raise ShuttingDown("the server is about to stop and starts no guest process; try again")
            if self._directory is None:  # not before: the worker may not have been forked, or not know its deployment
                self._directory = GuestsDirectory(self._directory_path)
            pool = self._pools.get(key)
            if pool is None:
                pool = self._pools[key] = GuestPool(start, self._directory, self._timers)
            self._targets.setdefault(key, {})[guest.target] = None
            self._of[guest] = pool
            return pool
