"""Keeps this worker's runs its own, and ends those of workers that are gone."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable

import orjson

from agentos.domain.run import Run, RunStatus
from agentos.domain.times import utc_now
from agentos.errors import AgentOSError, StorageError, WorkerLost
from agentos.events.encoder import FrameEncoder
from agentos.execution.finalizer import UNSAVED
from agentos.execution.live import run_error, terminal_event
from agentos.execution.runner import Runner
from agentos.periodic_thread import PeriodicThread
from agentos.storage.admission import Lease
from agentos.storage.interface import Storage

SWEEP_BATCH = 100
"""Lost runs that are taken over at a time."""

RETRY = 1.0
"""Seconds to the next attempt after one that the database did not take: leases must not run out because it was away."""

GONE = "the worker that executed the run is gone; what it had written was kept"

logger = logging.getLogger(__name__)


class LeaseKeeper(PeriodicThread):
    """A thread that renews the leases of the worker in one statement and sweeps: at once, then three times a lease."""

    def __init__(
        self,
        storage: Storage,
        runner: Runner,
        lease: Lease,
        *,
        resume: Callable[[Run], bool],
        on_finished: Callable[[Run], object] = lambda _: None,
    ) -> None:
        self._storage = storage
        self._on_finished = on_finished
        self._resume = resume
        self._runner = runner
        self._lease = lease
        self._orphans: set[str] = set()
        failure = "leases could not be renewed; trying again"
        super().__init__(
            "leases", self._work, lease.seconds / 3, logger=logger, failure=failure, retry=RETRY, at_once=True
        )
        self.transient = False
        """Set by a process that ends soon, and would take with it what it took over: it sweeps only if it has to."""

    def _work(self) -> None:
        self.renew()
        # A run that waits may wait for a lost one.
        if not self.transient or any(live.run.status is RunStatus.QUEUED for live in self._runner.running()):
            self.sweep()

    def renew(self) -> None:
        """Prolong the leases of this worker's runs.

        A run that another worker has taken over meanwhile is stopped here. One that is leased to this worker but not
        under way in it is an orphan: its admission or its end was committed, or not, while the database broke off. Seen
        twice, it is ended, or it would be "running" as long as this worker lives.
        """
        before = self._runner.running()
        mine = set(self._storage.runs.renew_leases(self._lease))
        for live in before:
            if live.run.id not in mine and live.stream.last is None:
                self._runner.stop(live, WorkerLost("another worker took the run over, or its session was deleted"))
        orphans = {run_id for run_id in mine if self._runner.get(run_id) is None}
        for run_id in orphans & self._orphans:
            run = self._storage.runs.get(run_id, owner=None)
            if run is not None and not run.status.finished:
                self._end_lost(run, StorageError(UNSAVED))
        self._orphans = orphans

    def sweep(self) -> None:
        """Take over the runs of lost workers: ``resume`` says whether it continues one, the others are ended.

        They fail with ``WORKER_LOST``, and what they had written is kept. A worker that drains takes none.
        """
        while not self._runner.draining and (lost := self._storage.runs.take_lost(self._lease, limit=SWEEP_BATCH)):
            for run in lost:
                resumed = self._resume(run)
                logger.warning("took over a run of a lost worker", extra={"run_id": run.id, "resumed": resumed})
                if not resumed and (ended := self._end_lost(run, WorkerLost(GONE))) is not None:
                    self._on_finished(ended)

    def _end_lost(self, run: Run, failure: AgentOSError) -> Run | None:
        number, content, tokens = self._logged(run.id)
        ended = dataclasses.replace(
            run, status=RunStatus.FAILED, content=content, ended_at=utc_now(), error=run_error(failure, run.id)
        )
        frame = FrameEncoder(run).encode(terminal_event(ended, tokens), number + 1)
        return ended if self._storage.runs.finish(ended, frames=[frame]) else None

    def _logged(self, run_id: str) -> tuple[int, str, int]:
        """Return the number of the last logged event, the last turn's text, and the number of its token events."""
        number, tokens, text = 0, 0, list[str]()
        while frames := self._storage.events.read(run_id, after=number):
            for frame in frames:
                if frame.type == "token":
                    text.append(orjson.loads(frame.data)["data"]["token"])
                    tokens += 1
                elif frame.type in ("tool_call", "run_start"):
                    text.clear()
            number = frames[-1].number
        return number, "".join(text), tokens
