"""Records what the server says of its worker: runs, streams, the event log, leases, the pool, the event loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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
        self._restarts: dict[tuple[str, ...], _Restarts] = {}
        """By the labels of all guest processes that there were."""
        self._before = {metric: recorder.get(metric, ()) for metric, _ in TOTALS}

    def sample(self) -> None:
        """Record the numbers as they are now."""
        found = self._read()
        for metric, value in TOTALS:
            self._recorder.set(metric, (), self._before[metric] + value(found))
        for metric, value in GAUGES:
            self._recorder.set(metric, (self._place,), value(found))
        self._sample_guests(found.guests)
        if found.pool is not None:
            self._recorder.set(metrics.WORKER_POOL, (self._place, "used"), found.pool.used)
            self._recorder.set(metrics.WORKER_POOL, (self._place, "idle"), found.pool.idle)
            self._recorder.set(metrics.WORKER_POOL_LIMIT, (self._place,), found.pool.limit)

    def _sample_guests(self, guests: Sequence[GuestProcess]) -> None:
        """Record the guest processes. Those that are gone, such as a deleted agent's, have zeros."""
        found: dict[tuple[str, ...], list[GuestProcess]] = {labels: [] for labels in self._restarts}
        for guest in guests:
            process = (self._place, self._guests(guest.guest), str(guest.number))
            found.setdefault(process, []).append(guest)  # several, where a target is started with different settings
        for labels, alike in found.items():
            restarts = self._restarts.get(labels)
            if restarts is None:
                before = self._recorder.get(metrics.GUEST_RESTARTS, labels)
                self._restarts[labels] = restarts = _Restarts(before)
            total = restarts.total(sum(one.restarts for one in alike))
            self._recorder.set(metrics.GUEST_READY, labels, float(any(one.state == "ready" for one in alike)))
            self._recorder.set(metrics.GUEST_RUNS, labels, sum(one.runs for one in alike))
            self._recorder.set(metrics.GUEST_RESTARTS, labels, total)
            self._recorder.set(metrics.GUEST_LAG, labels, max((one.lag for one in alike), default=0.0))
            self._recorder.set(metrics.GUEST_MEMORY, labels, sum(one.memory for one in alike))


class _Restarts:
    """A count that never goes down. Processes that are left are not counted any more; later ones begin at 0."""

    def __init__(self, before: float) -> None:
        self._before = before
        self._last = 0

    def total(self, count: int) -> float:
        """Return the total, with what is counted now."""
        if count < self._last:
            self._before += self._last - count
        self._last = count
        return self._before + count
