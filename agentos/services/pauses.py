"""Paused runs: their answers, what they wait for, and the time in which they are answered."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from agentos.config import Config
from agentos.domain.pending import Answer
from agentos.domain.principal import APPROVE_ANY, Principal
from agentos.domain.run import Run, RunStatus
from agentos.domain.times import rfc3339, utc_now
from agentos.errors import NotFound, PendingExpired, RunFinished, RunNotFound
from agentos.execution.pause import expiry_key
from agentos.execution.preparation import Prepare
from agentos.execution.signals import Signals, run_topic
from agentos.execution.worker import Worker
from agentos.runtime.answer_check import check_answer
from agentos.services.approvers import as_shown_to_approver, check_approver, sees
from agentos.storage.interface import Storage
from agentos.storage.paging import Page, Paging
from agentos.storage.pauses import PendingFilter, WaitingAction

SETTLED = timedelta(seconds=1)
"""The time after an expiry in which an answer that was accepted before it may still be on its way to the database."""

logger = logging.getLogger(__name__)


class PauseService:
    """Takes answers and lets runs expire. ``prepare`` finds the agent of a run."""

    def __init__(self, storage: Storage, worker: Worker, signals: Signals, prepare: Prepare, config: Config) -> None:
        self._storage = storage
        self._most = config.max_metadata_size
        self._worker = worker
        self._signals = signals
        self._prepare = prepare

    def answer(
        self, run_id: str, answers: Mapping[str, Answer], caller: Principal, *, address: str | None = None
    ) -> Run:
        """Save answers; with the last one the run is resumed: :meth:`agentos.services.runs.RunService.answer`."""
        # An approver of every owner sees of the runs of others what they wait for, and nothing else.
        owner = None if caller.may(APPROVE_ANY) else caller.visible_owner
        run = self._storage.runs.get(run_id, owner=owner)
        if run is None:
            raise RunNotFound(run_id)
        if run.error is not None and run.error.code == PendingExpired.code:
            raise PendingExpired(f"run {run_id!r} was not answered in time and has ended")
        actions = {action.id: action for action in self._storage.runs.actions(run_id)}
        agent = self._prepare(run).agent
        now = utc_now()
        given: dict[str, Answer] = {}
        for action_id, answer in answers.items():
            action = actions.get(action_id)
            if action is None and run.status.finished:
                raise RunFinished(f"run {run_id!r} has ended as {run.status.value}; it takes no answers")
            if action is None:
                raise NotFound(f"run {run_id!r} does not wait for an action {action_id!r:.100}")
            answered_as = check_approver(run, action, caller)
            checked = check_answer(action, answer, agent, most=self._most)
            given[action_id] = replace(
                checked, answered_by=caller.id, answered_at=now, answered_as=answered_as, address=address
            )
        answered = self._storage.runs.answer(run_id, given, owner=owner, forget=[expiry_key(run)])
        if answered.resumed:
            logger.info("run resumed", extra={"run_id": run_id, "session_id": run.session_id})
            self._signals.notify(run_topic(run_id))
            self._worker.resume(answered.run)
        return answered.run if sees(caller, run) else as_shown_to_approver(answered.run)

    def expire(self, run_id: str) -> datetime | None:
        """End a paused run whose time is over. Return when it has to be asked again; ``None``: not any more."""
        run = self._storage.runs.get(run_id, owner=None)
        if run is None or run.status is not RunStatus.PAUSED:
            return None
        due = [action.expires_at for action in run.pending if action.answer is None and action.expires_at is not None]
        if not due:
            return None
        first = min(due)
        # Its end would not notice an answer that was accepted in time and is saved meanwhile.
        if first + SETTLED > utc_now():
            return first + SETTLED
        failure = PendingExpired(
            f"the run waited for an answer until {rfc3339(first)}, and none came",
            details={"expired": [one.id for one in run.pending if one.answer is None and one.expires_at == first]},
        )
        self._worker.end_unattended(run, failure)
        return None

    def waiting(self, where: PendingFilter, paging: Paging, caller: Principal) -> Page[WaitingAction]:
        """Return what the caller's paused runs wait for, newest first."""
        if caller.may(APPROVE_ANY):
            # Without runs:read, what its own runs wait for besides is not shown either. No owner has an empty name.
            own = caller.visible_owner if caller.may("runs:read") else ""
            where = replace(where, approver_of=own)
        else:
            where = replace(where, owner=caller.owner)
        return self._storage.runs.waiting(where, paging)
