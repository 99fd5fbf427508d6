"""Claims runs that are there, and finds out whether they may be executed here."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from agentos.domain.times import utc_now
from agentos.errors import AgentFailed, AgentOSError, RunCancelled, RunNotFound, WorkerLost
from agentos.execution.background_waits import BackgroundWaits
from agentos.execution.finalizer import persistently
from agentos.execution.preparation import Prepare, Prepared
from agentos.execution.request_ids import RequestIds
from agentos.execution.unattended import UnattendedRuns
from agentos.storage.admission import Admission, Lease
from agentos.storage.interface import Storage

GONE = "the worker that executed the run is gone; what it had written was kept"

logger = logging.getLogger(__name__)


class Claimed(NamedTuple):
    """A run that is this worker's, and what is needed to execute it."""

    admission: Admission
    prepared: Prepared


class RunClaims:
    """Claims runs for one worker. A run of which more than ``max_attempts`` workers would be lost ends instead."""

    def __init__(
        self,
        storage: Storage,
        lease: Lease,
        prepare: Prepare,
        unattended: UnattendedRuns,
        waits: BackgroundWaits,
        *,
        max_attempts: int,
    ) -> None:
        self._storage = storage
        self._lease = lease
        self._prepare = prepare
        self._unattended = unattended
        self._waits = waits
        self._max_attempts = max_attempts
        self.request_ids = RequestIds()

    def claim(self, run_id: str) -> Claimed | None:
        """Claim a run; ``None``: another worker has it, it is not its turn, or it had to end at once.

        Raises :class:`~agentos.errors.StorageError`.
        """
        try:
            return self._claim(run_id)
        except RunNotFound:
            return None

    def _claim(self, run_id: str) -> Claimed | None:
        admission = self._storage.runs.claim(run_id, self._lease, now=utc_now())
        if admission is None:
            self._waits.begin(run_id)
            return None
        self._waits.end(run_id)
        admission = replace(admission, run=self.request_ids.give_back(admission.run))
        prepared = self._prepared(admission)
        if admission.crashed:
            extra = {"run_id": run_id, "resumed": isinstance(prepared, Prepared)}
            logger.warning("took over a run of a lost worker", extra=extra)
        if isinstance(prepared, Prepared):
            return Claimed(admission, prepared)
        self._unattended.end(admission.run, prepared)
        return None

    def _prepared(self, admission: Admission) -> Prepared | AgentOSError:
        """Return what is needed to execute a claimed run, or the error with which it has to end.

        A run whose worker was lost while it executed may have done half of what it does. Only an agent with
        ``retry_on_crash`` may go on then.
        """
        run = admission.run
        if admission.cancel_requested:
            return RunCancelled("the run was cancelled")
        try:
            # It is this worker's already: one read that fails must not end it.
            prepared = persistently(partial(self._prepare, run))
        except AgentOSError as error:
            return WorkerLost(GONE) if admission.crashed else error
        except Exception:  # what makes an agent may be other people's code
            logger.exception("the agent of a run could not be made", extra={"run_id": run.id, "agent_id": run.agent_id})
            return AgentFailed(f"agent {run.agent_id!r} cannot run; the server's log has the reason")
        if admission.crashed and not (prepared.limits.durable and run.crashes < self._max_attempts):
            return WorkerLost(GONE)
        unknown = sorted({name for checkpoint in admission.checkpoints for name in checkpoint.unknown})
        if unknown:
            return AgentFailed(
                f"a newer version of AgentOS has saved {', '.join(unknown)} of the run, and this one cannot go on with"
                " it; run that version or a newer one"
            )
        return prepared
