"""Paused runs: their answers, what they wait for, and the time in which they are answered."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from agentos.config import Config
from agentos.domain.pending import EXPIRY, Answer, PendingAction, PendingKind
from agentos.domain.principal import APPROVE_ANY, Principal
from agentos.domain.run import Run, RunStatus
from agentos.domain.times import rfc3339
from agentos.errors import NotFound, PendingExpired, RunFinished, RunNotFound
from agentos.execution.pause import expiry_key
from agentos.execution.preparation import Prepare
from agentos.execution.signals import Signals, run_topic
from agentos.execution.worker import Worker
from agentos.observability.audit import SERVER, log_operation
from agentos.runtime.answer_check import check_answer, tool_of
from agentos.services.approval_rules import rule_record
from agentos.services.approvers import as_shown_to_approver, check_approver, sees
from agentos.storage.interface import Storage
from agentos.storage.paging import Page, Paging
from agentos.storage.pauses import Answered, PendingFilter, WaitingAction
from agentos.storage.records import Record
from agentos.storage.runs import CLAIM_WITHIN

SETTLED = timedelta(seconds=1)
"""The time after an expiry in which an answer that was accepted before it may still be on its way to the database."""

LATE = "it was not decided in time"
"""What a model reads of a call that an expiry rejected."""

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
        self,
        run_id: str,
        answers: Mapping[str, Answer],
        caller: Principal,
        *,
        address: str | None = None,
        resume_here: bool = True,
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
        now = self._storage.now()
        given: dict[str, Answer] = {}
        rules: dict[str, Record] = {}
        for action_id, answer in answers.items():
            action = actions.get(action_id)
            if action is None and run.status.finished:
                raise RunFinished(f"run {run_id!r} has ended as {run.status.value}; it takes no answers")
            if action is None:
                raise NotFound(f"run {run_id!r} does not wait for an action {action_id!r:.100}")
            answered_as = check_approver(run, action, caller)
            checked = check_answer(action, answer, agent, agent_id=run.agent_id, most=self._most)
            given[action_id] = replace(
                checked, answered_by=caller.id, answered_at=now, answered_as=answered_as, address=address
            )
            tool = tool_of(action, agent) if checked.remember else None
            if tool is not None:
                rules[action_id] = rule_record(run, action, given[action_id], tool)
        answered = self._storage.runs.answer(
            run_id,
            given,
            owner=owner,
            forget=[expiry_key(run)],
            records=rules,
            claim_within=CLAIM_WITHIN if resume_here else 0.0,
        )
        if resume_here:
            self._resume(answered)
        return answered.run if sees(caller, run) else as_shown_to_approver(answered.run)

    def expire(self, run_id: str) -> datetime | None:
        """Reject the approvals of a paused run that were not decided in time, or end the run if it needs an answer.

        The clock of the database decides. Return when to look again, by that clock; ``None``: not any more.
        """
        run = self._storage.runs.get(run_id, owner=None)
        if run is None or run.status is not RunStatus.PAUSED:
            return None
        now = self._storage.now()
        over = [action for action in run.pending if _is_over(action, now)]
        fatal = [action for action in over if action.kind is not PendingKind.APPROVAL or action.on_expiry != "reject"]
        about = {"answers": [{"id": action.id, "answer": action.on_expiry} for action in over]}
        if fatal:
            if self._worker.end_unattended(run, _failure(fatal)) is not None:
                log_operation("approval.expire", outcome="done", by=EXPIRY, door=SERVER, object=run_id, details=about)
            return None
        if over:
            rejection = Answer(decision="reject", message=LATE, answered_by=EXPIRY, answered_at=now)
            try:
                answered = self._storage.runs.answer(
                    run_id, {action.id: rejection for action in over}, owner=None, late=True
                )
            except RunNotFound:
                return None
            logger.info("approvals expired", extra={"run_id": run_id, "session_id": run.session_id})
            log_operation("approval.expire", outcome="done", by=EXPIRY, door=SERVER, object=run_id, details=about)
            self._resume(answered)
            run = answered.run
        if run.status is not RunStatus.PAUSED:
            return None
        times = [action.expires_at + SETTLED for action in run.pending if action.expires_at is not None]
        return min(times, default=None)

    def _resume(self, answered: Answered) -> None:
        if answered.resumed:
            run = answered.run
            logger.info("run resumed", extra={"run_id": run.id, "session_id": run.session_id})
            self._signals.notify(run_topic(run.id))
            self._worker.resume(run)

    def waiting(
        self, where: PendingFilter, paging: Paging, caller: Principal, *, oldest_first: bool = False
    ) -> Page[WaitingAction]:
        """Return what the caller's paused runs wait for: :meth:`agentos.services.runs.RunService.waiting`."""
        visible = _visible(where, caller)
        return Page([]) if visible is None else self._storage.runs.waiting(visible, paging, oldest_first=oldest_first)

    def count_waiting(self, where: PendingFilter, caller: Principal) -> int:
        """Return how many actions :meth:`waiting` lists in all."""
        visible = _visible(where, caller)
        return 0 if visible is None else self._storage.runs.count_waiting(visible)

    def action(self, action_id: str, caller: Principal) -> WaitingAction:
        """Return one action, with its answer if it has one. Raises ``NotFound``."""
        found = self._storage.runs.action(action_id)
        if found is None or not _sees_action(caller, found):
            raise NotFound(
                f"there is no action {action_id!r:.100}; GET /api/v1/approvals and 'agentos approvals list' show what"
                " waits"
            )
        return found


def _visible(where: PendingFilter, caller: Principal) -> PendingFilter | None:
    """Return the filter within what a caller sees; ``None`` where that is nothing."""
    if caller.may(APPROVE_ANY):
        # Without runs:read, what its own runs wait for besides is not shown either. No owner has an empty name.
        return replace(where, approver_of=caller.visible_owner if caller.may("runs:read") else "")
    if where.owner not in (None, caller.owner):
        return None
    return replace(where, owner=caller.owner)


def _sees_action(caller: Principal, found: WaitingAction) -> bool:
    if caller.may("runs:read") and caller.visible_owner in (None, found.owner):
        return True
    return caller.may(APPROVE_ANY) and found.action.kind is PendingKind.APPROVAL


def _is_over(action: PendingAction, now: datetime) -> bool:
    """Return whether the time of an action is over, and no answer can be on its way any more."""
    return action.expires_at is not None and action.expires_at + SETTLED <= now


def _failure(actions: Sequence[PendingAction]) -> PendingExpired:
    first = min(action.expires_at for action in actions if action.expires_at is not None)
    return PendingExpired(
        f"the run waited for an answer until {rfc3339(first)}, and none came",
        details={"expired": [one.id for one in actions if one.expires_at == first]},
    )
