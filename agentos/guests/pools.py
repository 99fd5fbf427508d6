"""All guest processes that a server uses."""

from __future__ import annotations

import threading
import time
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


@dataclass(slots=True)
class _Use:
    """The processes of a guest, and when a run of it asked for them last."""

    pool: GuestPool
    at: float


class GuestPools:
    """Finds the processes of a guest. Starts nothing before a run needs it, so it may be made before workers fork.

    A guest that was stored may be replaced or deleted, at any worker. So its processes are left when they have had no
    run for some minutes, and its next run starts them again; those of a guest that is to be kept stay.

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
        self._closes = False
        """Whether a timer looks for processes that are not used any more."""
        self._lock = threading.Lock()
        self._pools: dict[str, GuestPool] = {}
        self._uses: dict[Guest, _Use] = {}
        self._kept: set[Guest] = set()
        self._closed = False

    def keep(self, guest: Guest) -> None:
        """Keep the processes of a guest, once they are there, until :meth:`close`."""
        self._kept.add(guest)

    def pool(self, guest: Guest) -> GuestPool:
        """Return the processes of a guest. Raises :class:`~agentos.errors.ShuttingDown` once they are closed."""
        with self._lock:
            use = self._uses.get(guest)
            if use is not None:
                use.at = time.monotonic()
                return use.pool
        return self._make(guest)

    def activity(self) -> list[GuestActivity]:
        """Return what all processes do that this worker has used."""
        with self._lock:
            guests = [(self._guests_of(pool), pool) for pool in self._pools.values()]
        return [
            GuestActivity(tuple(dict.fromkeys(guest.target for guest in found)), pool.activity())
            for found, pool in guests
        ]

    def close(self) -> None:
        """Stop using all processes. Call it when the runs have ended."""
        with self._lock:
            self._closed = True
            pools, self._pools, self._uses = list(self._pools.values()), {}, {}
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
            self._uses[guest] = _Use(pool, time.monotonic())
            self._close_unused_later()
            return pool

    def _guests_of(self, pool: GuestPool) -> list[Guest]:
        return [guest for guest, use in self._uses.items() if use.pool is pool]

    def _close_unused_later(self) -> None:
        if not self._closes and any(guest not in self._kept for guest in self._uses):
            self._closes = True
            self._timers.call_at(time.monotonic() + self._times.unused, self._close_unused)

    def _close_unused(self) -> None:
        before = time.monotonic() - self._times.unused
        with self._lock:
            for guest, use in list(self._uses.items()):
                if use.at <= before and use.pool.used_at <= before and guest not in self._kept:
                    del self._uses[guest]
            unused = {key: pool for key, pool in self._pools.items() if not self._guests_of(pool)}
            for key in unused:
                del self._pools[key]
            self._closes = False
            self._close_unused_later()
        for pool in unused.values():
            pool.close()
