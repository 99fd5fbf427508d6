"""Records what the server says of its worker: runs, streams, the event log, leases, the pool, the event loop."""

from __future__ import annotations

from collections.abc import Callable

from agentos import Activity, GuestProcess
from agentos_metrics import metrics
from agentos_metrics.labels import BoundedLabel
from agentos_metrics.recorder import Recorder

TOTALS: tuple[tuple[metrics.Metric, Callable[[Activity], float]], ...] = (
    (metrics.LOG_COMMITS, lambda found: found.log_commits),
    (metrics.LOG_EVENTS, lambda found: found.log_events),
    (metrics.LOG_SECONDS, lambda found: found.log_seconds),
    (metrics.LEASES_RENEWED, lambda found: found.leases_renewed),
    (metrics.LEASES_LOST, lambda found: found.leases_lost),
    (metrics.SWEEPS, lambda found: found.sweeps),
    (metrics.TAKEN_OVER, lambda found: found.runs_taken_over),
    (metrics.HOLDS, lambda found: found.holds),
    (metrics.HELD_SECONDS, lambda found: found.held_seconds),
)
"""Totals of a worker since its start; the files have those of all workers that had its place."""

GAUGES: tuple[tuple[metrics.Metric, Callable[[Activity], float]], ...] = (
    (metrics.WORKER_RUNS, lambda found: found.runs),
    (metrics.WORKER_STREAMS, lambda found: found.streams),
    (metrics.WORKER_FOLLOWERS, lambda found: found.followers),
    (metrics.WORKER_LOG_LAG, lambda found: found.log_lag),
    (metrics.WORKER_LONGEST_HOLD, lambda found: found.longest_hold),
)


MOST_GUESTS = 50


class ActivityRecorder:
    """Records one worker's numbers. Totals begin at what the worker left that had this place before."""

    def __init__(self, recorder: Recorder, read: Callable[[], Activity]) -> None:
        self._recorder = recorder
        self._read = read
        self._place = str(recorder.numbers.place)
        self._guests = BoundedLabel(MOST_GUESTS)
        self._restarts: dict[tuple[str, ...], float] = {}
        """The restarts that the worker counted which had this place before."""
        self._before = {metric: recorder.get(metric, ()) for metric, _ in TOTALS}

    def sample(self) -> None:
        """Record the numbers as they are now."""
        found = self._read()
        for metric, value in TOTALS:
            self._recorder.set(metric, (), self._before[metric] + value(found))
        for metric, value in GAUGES:
            self._recorder.set(metric, (self._place,), value(found))
        for guest in found.guests:
            self._sample_guest(guest)
        if found.pool is not None:
            self._recorder.set(metrics.WORKER_POOL, (self._place, "used"), found.pool.used)
            self._recorder.set(metrics.WORKER_POOL, (self._place, "idle"), found.pool.idle)
            self._recorder.set(metrics.WORKER_POOL_LIMIT, (self._place,), found.pool.limit)

    def _sample_guest(self, guest: GuestProcess) -> None:
        labels = (self._place, self._guests(guest.guest), str(guest.number))
        before = self._restarts.setdefault(labels, self._recorder.get(metrics.GUEST_RESTARTS, labels))
        self._recorder.set(metrics.GUEST_READY, labels, float(guest.state == "ready"))
        self._recorder.set(metrics.GUEST_RUNS, labels, guest.runs)
        self._recorder.set(metrics.GUEST_RESTARTS, labels, before + guest.restarts)
        self._recorder.set(metrics.GUEST_LAG, labels, guest.lag)
        self._recorder.set(metrics.GUEST_MEMORY, labels, guest.memory)
