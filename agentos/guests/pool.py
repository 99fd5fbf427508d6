"""The processes of one guest: which of them a run goes to, and how runs wait for an exclusive one."""

from __future__ import annotations

import os
import threading
import time
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal
from weakref import WeakSet

from agentos.cancellation import Cancellation
from agentos.guests.directory import GuestsDirectory
from agentos.guests.exchange import Exchange
from agentos.guests.guest_process import GuestProcess
from agentos.guests.start import Start
from agentos.timers import TimerThread

_POLL = 0.02


@dataclass(frozen=True, slots=True)
class ProcessActivity:
    """One process as a worker sees it now. ``lag`` is in seconds, ``memory`` in bytes.

    ``state`` is ``idle`` where this worker has no connection to it: it was not needed yet, or has ended. ``runs`` are
    those of all workers by the last heartbeat, ``own_runs`` this worker's now. ``restarts`` are the times that it ended
    while this worker used it.
    """

    number: int
    state: Literal["idle", "ready", "busy", "stopping"]
    pid: int | None
    runs: int
    own_runs: int
    restarts: int
    lag: float
    memory: int


class GuestPool:
    """The processes of guests that are started alike."""

    def __init__(self, start: Start, directory: GuestsDirectory, timers: TimerThread) -> None:
        guest = start.guest
        self._exclusive = guest.exclusive
        self._kill_after = start.times.kill_exclusive_after if guest.exclusive else start.times.kill_after
        self._timers = timers
        self._processes = [
            GuestProcess(start, directory.of(start.key, number), number) for number in range(guest.processes)
        ]
        self._waiting: deque[threading.Event] = deque()
        self._left: WeakSet[Exchange] = WeakSet()
        """Exchanges that were cancelled, and are not over."""
        self._lock = threading.Lock()
        self._closed = False
        self._used_at = time.monotonic()

    @property
    def used_at(self) -> float:
        """When a run used the processes last, by ``time.monotonic()``: now if one does."""
        used = bool(self._waiting) or any(process.runs for process in self._processes)
        return time.monotonic() if used else self._used_at

    @contextmanager
    def process(self, session_id: str | None, cancellation: Cancellation) -> Iterator[GuestProcess]:
        """Give a run its process. An exclusive one is waited for, in order, until the run has to stop."""
        if self._exclusive:
            process, lock = self._wait_for_exclusive(cancellation)
        else:
            process, lock = self._choose(session_id), None
        with self._lock:
            process.runs += 1
        try:
            yield process
        finally:
            self._used_at = time.monotonic()
            with self._lock:
                process.runs -= 1
            if lock is not None:
                os.close(lock)

    @contextmanager
    def exchange(self, process: GuestProcess, cancellation: Cancellation) -> Iterator[Exchange]:
        """Connect to a process. What is not over when the block ends is cancelled.

        Raises as :meth:`~agentos.guests.guest_process.GuestProcess.connect` does.
        """
        connection, pid = process.connect(cancellation)
        exchange = Exchange(connection, pid, process, self._timers, self._kill_after)
        try:
            with cancellation.cutting(exchange.cancel):
                yield exchange
        finally:
            if not exchange.leave():
                self._left.add(exchange)
                if self._closed:  # the server did not wait for this run
                    exchange.close()

    def activity(self) -> list[ProcessActivity]:
        """Return what the processes do now."""
        return [_activity(process) for process in self._processes]

    def close(self) -> None:
        """Stop using the processes: each ends some seconds after its last worker has."""
        self._closed = True
        for exchange in list(self._left):
            exchange.close()
        for process in self._processes:
            process.close()

    def _choose(self, session_id: str | None) -> GuestProcess:
        if len(self._processes) == 1:
            return self._processes[0]
        with self._lock:
            ready = [process for process in self._processes if process.takes_runs] or self._processes
            if session_id is None:
                return min(ready, key=lambda process: process.runs)
        # Rendezvous hashing: while a process is busy, only its own sessions go elsewhere.
        return max(ready, key=lambda process: zlib.crc32(f"{session_id}/{process.number}".encode()))

    def _wait_for_exclusive(self, cancellation: Cancellation) -> tuple[GuestProcess, int]:
        turn = threading.Event()
        with self._lock:
            self._waiting.append(turn)
            self._waiting[0].set()
        try:
            with cancellation.cutting(turn.set):
                turn.wait()
            while True:
                cancellation.check()
                # Other workers' runs compete for the same locks, so the first in the queue asks again and again.
                for process in self._processes:
                    if (lock := process.try_run_lock()) is not None:
                        return process, lock
                cancellation.wait(_POLL)
        finally:
            with self._lock:
                self._waiting.remove(turn)
                if self._waiting:
                    self._waiting[0].set()


def _activity(process: GuestProcess) -> ProcessActivity:
    heartbeat = process.heartbeat
    state: Literal["idle", "ready", "busy", "stopping"] = "idle"
    if heartbeat is not None:
        state = "ready" if process.takes_runs else "stopping" if heartbeat.state == "stopping" else "busy"
    return ProcessActivity(
        number=process.number,
        state=state,
        pid=process.pid,
        runs=0 if heartbeat is None else heartbeat.runs,
        own_runs=process.runs,
        restarts=process.restarts,
        lag=0.0 if heartbeat is None else heartbeat.lag,
        memory=0 if heartbeat is None else heartbeat.memory,
    )
