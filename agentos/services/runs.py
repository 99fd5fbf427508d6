"""Runs: started, followed, answered, stopped and found again."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from agentos.config import Config
from agentos.domain.agent import StreamingAgent
from agentos.domain.ids import new_id
from agentos.domain.media import Media
from agentos.domain.pending import Answer, PendingAction, PendingKind
from agentos.domain.principal import Principal
from agentos.domain.run import BusyPolicy, Run, RunStatus
from agentos.domain.run_request import RunRequest
from agentos.domain.stored_request import RunMode, StoredRequest
from agentos.domain.times import utc_now
from agentos.errors import Forbidden, IdempotencyConflict, NotFound, RunActive, RunNotFound
from agentos.execution.cancels import CancelWatch
from agentos.execution.leases import LeaseKeeper
from agentos.execution.live import LiveRun
from agentos.execution.pause import forget_expiry
from agentos.execution.preparation import Prepared
from agentos.execution.run_handle import RunHandle
from agentos.execution.run_limits import RunLimits, agent_setting
from agentos.execution.signals import Signals
from agentos.execution.sweeper import Sweeper
from agentos.execution.unattended import topics_of
from agentos.execution.worker import Worker
from agentos.guests.agent import GuestAgent
from agentos.observability.tracing import current_trace
from agentos.plugins.traces import BeginTrace
from agentos.runtime.loop import ModelAgent
from agentos.services.approvers import sees
from agentos.services.overrides import overridden
from agentos.services.pauses import PauseService
from agentos.services.run_checks import RunChecks
from agentos.storage.idempotency import Replay
from agentos.storage.interface import Storage
from agentos.storage.paging import Page, Paging
from agentos.storage.pauses import PendingFilter, WaitingAction
from agentos.storage.runs import RunFilter

logger = logging.getLogger(__name__)


class RunService:
    """Starts runs, follows them, stops them and finds them again."""

    def __init__(
        self,
        storage: Storage,
        worker: Worker,
        signals: Signals,
        config: Config,
        *,
        checks: RunChecks,
        pauses: PauseService,
        leases: LeaseKeeper,
        sweeper: Sweeper,
        cancels: CancelWatch,
        begin_trace: BeginTrace | None = None,
    ) -> None:
        self._storage = storage
        self._worker = worker
        self._signals = signals
        self._config = config
        self._checks = checks
        self._pauses = pauses
        self._leases = leases
        self._sweeper = sweeper
        self._cancels = cancels
        self._begin_trace = begin_trace

    def start(self, request: RunRequest) -> RunHandle:
        """Accept a run durably and begin to execute it.

        Refuses who may not run the agent; then a repeat of an earlier request joins that one's run. Else refuses, in
        this order: sizes, messages, media, neither input nor media, agent, overrides that it does not allow, what a
        plugin denies (``before_run``), media that cannot be fetched or that the agent's model does not take, a session
        that is not there, no room for a run of its owner or for one in the background, a session that is busy or has a
        paused run. Raises the matching error of :mod:`agentos.errors`; then there is no run.
        """
        if not request.caller.may_run(request.agent_id):
            raise Forbidden(f"the credential may not run agent {request.agent_id!r}")
        # First of all: what a repeat would be refused for now was all right when it came for the first time.
        repeat = None if request.idempotency is None else self._storage.idempotency.find(request.idempotency)
        if repeat is not None:
            return self._repeated(repeat, request)
        request, agent = self._checks.check(request)
        run = Run(
            id=new_id(),
            agent_id=request.agent_id,
            owner=request.caller.owner,
            session_id=request.session_id,
            user_id=request.user_id,
            status=RunStatus.RUNNING,
            input=request.input,
            media=request.media,
            metadata=request.metadata,
            context=request.context,
            agent_version=agent.version if isinstance(agent, ModelAgent | GuestAgent) else None,
            caller_id=request.caller.id,
            request=self._stored(request),
            request_id=request.request_id,
            created_at=utc_now(),
        )
        self._watch()
        started = self._start(run, overridden(agent, request.overrides), request)
        if isinstance(started, Replay):
            return self._repeated(started, request)
        logger.debug("run requested", extra={"agent_id": run.agent_id, "session_id": run.session_id, "run_id": run.id})
        return self._handle(run.id, request.caller, live=started)

    def open(self, run_id: str, caller: Principal) -> RunHandle:
        """Return a handle on a run that there may be: its methods raise :class:`~agentos.errors.RunNotFound`."""
        return self._handle(run_id, caller)

    def answer(
        self,
        run_id: str,
        answers: Mapping[str, Answer],
        caller: Principal,
        *,
        address: str | None = None,
        resume_here: bool = True,
    ) -> Run:
        """Answer actions that a paused run waits for, by their ids; return the run as it is then.

        With the last answer it is resumed. ``address`` is where the answer comes from. Without ``resume_here``, the run
        continues at another worker, at its next sweep: for a process that ends soon.

        Raises ``RunNotFound``, ``NotFound`` for an id that is not this run's, ``Forbidden`` (approvals need the scope
        `runs:approve`, the others `agents:run`), ``InvalidRequest`` for an answer that does not fit,
        ``AlreadyAnswered``, ``PendingExpired``, and ``RunFinished``.
        """
        if resume_here:
            self._watch()
        return self._pauses.answer(run_id, answers, caller, address=address, resume_here=resume_here)

    def decided(self, run: Run, caller: Principal) -> Sequence[PendingAction]:
        """Return what a run has waited for, with the answers, as far as the caller may see it."""
        actions = self._storage.runs.actions(run.id)
        return actions if sees(caller, run) else [one for one in actions if one.kind is PendingKind.APPROVAL]

    def expire(self, run_id: str) -> datetime | None:
        """Reject the expired approvals of a paused run, or end it: :meth:`PauseService.expire`.

        Return when to look again; ``None``: not any more.
        """
        return self._pauses.expire(run_id)

    def waiting(
        self, where: PendingFilter, paging: Paging, caller: Principal, *, oldest_first: bool = False
    ) -> Page[WaitingAction]:
        """Return what the caller's paused runs wait for, newest first unless ``oldest_first``.

        With ``runs:approve:any``, the approvals of every owner's runs are in it.
        """
        return self._pauses.waiting(where, paging, caller, oldest_first=oldest_first)

    def count_waiting(self, where: PendingFilter, caller: Principal) -> int:
        """Return how many actions :meth:`waiting` lists in all."""
        return self._pauses.count_waiting(where, caller)

    def action(self, action_id: str, caller: Principal) -> WaitingAction:
        """Return one action of a run, with its answer if it has one. Raises ``NotFound``."""
        return self._pauses.action(action_id, caller)

    def delete(self, run_id: str, caller: Principal) -> None:
        """Delete a run that has ended or is paused, with all that belongs to it.

        Raises ``RunNotFound``, or ``RunActive`` for one that is queued or running.
        """
        run = self._storage.runs.delete(run_id, owner=caller.visible_owner)
        if run is None:
            raise RunNotFound(run_id)
        if run.status is RunStatus.PAUSED:
            self._signals.notify(*topics_of(run))
            forget_expiry(self._storage, run)
        elif not run.status.finished:
            raise RunActive(run_id)
        logger.info("run deleted", extra={"run_id": run_id, "session_id": run.session_id})

    def attachment(self, run_id: str, number: int, caller: Principal) -> tuple[Media, bytes]:
        """Return a run's attachment by its place in ``media``, counted from 0, and its bytes.

        Raises ``RunNotFound``, or ``NotFound`` for one that is not there or that was given only by its address.
        """
        run = self.open(run_id, caller).get()
        if number >= len(run.media):
            raise NotFound(f"run {run_id!r} has {len(run.media)} attachments; number {number} is not one of them")
        media = run.media[number]
        if media.reference is None:
            raise NotFound(f"attachment {number} of run {run_id!r} was given by its address; its bytes are not stored")
        content = self._storage.attachments.read(media.reference, owner=run.owner)
        if content is None:
            raise RunNotFound(run_id)  # deleted meanwhile
        return media, content

    def list(self, where: RunFilter, paging: Paging, caller: Principal) -> Page[Run]:
        """Return the caller's runs, newest first."""
        if caller.visible_owner is not None:
            where = replace(where, owner=caller.visible_owner)
        return self._storage.runs.list(where, paging)

    def _stored(self, request: RunRequest) -> StoredRequest:
        """Return what is kept of a request: also the span that it comes from, where a plugin makes traces."""
        stored = request.stored()
        trace = current_trace()
        if (
            trace is None and self._begin_trace is not None
        ):  # of a command, a job or a plugin: the run is the whole trace
            trace = self._begin_trace(None)
            trace = None if trace is None else replace(trace, span_id=None, parent_id=None)
        return stored if trace is None else replace(stored, trace=trace)

    def _watch(self) -> None:
        # Without a heartbeat, another worker would take the run for lost; so no host of the server can forget it.
        self._leases.start()
        self._sweeper.start()
        self._cancels.start()

    def _start(self, run: Run, agent: StreamingAgent, request: RunRequest) -> LiveRun | Replay | None:
        return self._worker.start(
            run,
            Prepared(
                agent,
                RunLimits.of(agent, self._config, run.request),
                moved=partial(self._checks.moved, run.agent_id),
            ),
            owner=request.caller.visible_owner,
            concurrency=request.concurrency or agent_setting(agent, "concurrency", BusyPolicy.ENQUEUE),
            idempotency=request.idempotency,
            background=request.mode is RunMode.BACKGROUND,
        )

    def _handle(
        self, run_id: str, caller: Principal, *, live: LiveRun | None = None, replayed: bool = False
    ) -> RunHandle:
        return RunHandle(
            self._storage,
            self._worker,
            self._signals,
            run_id,
            owner=caller.visible_owner,
            end=self._worker.end_unattended,
            live=live,
            replayed=replayed,
        )

    def _repeated(self, repeat: Replay, request: RunRequest) -> RunHandle:
        if request.idempotency is not None:
            repeat.check(request.idempotency)
        if self._storage.runs.get(repeat.id, owner=request.caller.visible_owner) is None:
            raise IdempotencyConflict(f"run {repeat.id!r}, which the first request with this key made, was deleted")
        return self._handle(repeat.id, request.caller, replayed=True)
