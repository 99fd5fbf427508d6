"""Keeps this worker's runs its own, and ends those of workers that are gone."""

from __future__ import annotations

import dataclasses
import logging
import threading

import orjson

from agentos.domain.run import Run, RunStatus
from agentos.domain.times import utc_now
from agentos.errors import AgentOSError, StorageError, WorkerLost
from agentos.events.encoder import FrameEncoder
from agentos.execution.live import run_error, terminal_event
from agentos.execution.runner import Runner
from agentos.storage.interface import Lease, Storage

SWEEP_BATCH = 100
"""Lost runs that are taken over at a time."""

logger = logging.getLogger(__name__)


class LeaseKeeper:
    """Has one thread that renews all leases of the worker in one statement, and sweeps, three times a lease."""

    def __init__(self, storage: Storage, runner: Runner, lease: Lease) -> None:
        self._storage = storage
        self._runner = runner
        self._lease = lease
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def start(self) -> None:
        """Start the thread unless it runs. Its first act is to sweep."""
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._work, name="leases", daemon=True)
                    self._thread.start()

    def close(self) -> None:
        """Stop the thread."""
        self._stop.set()

    def _work(self) -> None:
        while True:
            try:
                self.renew()
                self.sweep()
            except StorageError:
                logger.warning("leases could not be renewed; trying again")
            except Exception:  # a bug here must not leave all runs of the worker without a heartbeat
                logger.exception("the lease thread met a bug")
            if self._stop.wait(self._lease.seconds / 3):
                return

    def renew(self) -> None:
        """Prolong the leases of this worker's runs; stop the runs that another worker has taken over meanwhile."""
        before = self._runner.running()
        if not before:
            return
        mine = set(self._storage.renew_leases(self._lease))
        for live in before:
            if live.run.id not in mine and live.stream.last is None:
                lost: AgentOSError = WorkerLost("another worker took the run over, or its session was deleted")
                self._runner.stop(live, lost)

    def sweep(self) -> None:
        """End the runs whose worker is gone, as failed with ``WORKER_LOST``, keeping what they had written."""
        while lost := self._storage.take_lost_runs(self._lease, limit=SWEEP_BATCH):
            for run in lost:
                self._end_lost(run)
            logger.warning("ended runs of lost workers", extra={"runs": len(lost)})

    def _end_lost(self, run: Run) -> None:
        number, content, tokens = self._logged(run.id)
        failure = WorkerLost("the worker that executed the run is gone; what it had written was kept")
        ended = dataclasses.replace(
            run, status=RunStatus.FAILED, content=content, ended_at=utc_now(), error=run_error(failure, run.id)
        )
        frame = FrameEncoder(run).encode(terminal_event(ended, tokens), number + 1)
        self._storage.finish_run(ended, frames=[frame])

    def _logged(self, run_id: str) -> tuple[int, str, int]:
        """Return the number of the last logged event, the last turn's text, and the number of its token events."""
        number, tokens, text = 0, 0, list[str]()
        while frames := self._storage.read_frames(run_id, after=number):
            for frame in frames:
                if frame.type == "token":
                    text.append(orjson.loads(frame.data)["data"]["token"])
                    tokens += 1
                elif frame.type == "tool_call":
                    text.clear()
            number = frames[-1].number
        return number, "".join(text), tokens
