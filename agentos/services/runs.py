"""Runs: everything that can be refused is refused here, before anything is written or said."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace

from agentos.config import Config
from agentos.domain.agent import StreamingAgent
from agentos.domain.ids import new_id
from agentos.domain.media import Media
from agentos.domain.principal import Principal
from agentos.domain.run import BusyPolicy, Run, RunStatus
from agentos.domain.run_request import RunRequest
from agentos.domain.stored_request import RunMode
from agentos.domain.times import utc_now
from agentos.errors import (
    AgentOSError,
    Forbidden,
    IdempotencyConflict,
    InvalidMedia,
    InvalidRequest,
    NotFound,
    RunActive,
    RunNotFound,
)
from agentos.execution.cancels import CancelWatch
from agentos.execution.executor import Executor
from agentos.execution.leases import LeaseKeeper
from agentos.execution.live import LiveRun
from agentos.execution.run_handle import RunHandle
from agentos.execution.run_limits import RunLimits, agent_setting
from agentos.execution.runner import Runner
from agentos.media.fetching import MediaFetcher
from agentos.media.policy import MediaPolicy
from agentos.services.agents import AgentService
from agentos.services.before_run import BeforeRun
from agentos.services.conversations import ConversationPolicy, with_media, with_question
from agentos.services.overrides import check_run_overrides, overridden
from agentos.services.size_limits import SizeLimits
from agentos.storage.idempotency import Replay
from agentos.storage.interface import Storage
from agentos.storage.paging import Page, Paging
from agentos.storage.runs import RunFilter

FETCH_SECONDS = 15.0
"""How long bringing in the attachments of one request may take."""

logger = logging.getLogger(__name__)


class RunService:
    """Starts runs, follows them, stops them and finds them again."""

    def __init__(
        self,
        storage: Storage,
        agents: AgentService,
        runner: Runner,
        executor: Executor,
        config: Config,
        *,
        leases: LeaseKeeper,
        cancels: CancelWatch,
        before_run: BeforeRun | None = None,
    ) -> None:
        self._storage = storage
        self._agents = agents
        self._runner = runner
        self._executor = executor
        self._media = MediaPolicy(config)
        self._fetcher = MediaFetcher(config)
        self._config = config
        self._sizes = SizeLimits(config)
        self._conversations = ConversationPolicy(config, self._sizes, self._media)
        self._leases = leases
        self._cancels = cancels
        self._before_run = before_run

    def start(self, request: RunRequest) -> RunHandle:
        """Accept a run durably and begin to execute it.

        Refuses who may not run the agent; then a repeat of an earlier request joins that one's run. Else refuses, in
        this order: sizes, messages, media, neither input nor media, agent, overrides that it does not allow, what a
        plugin denies (``before_run``), media that cannot be fetched or that the agent's model does not take, no slot
        for a background run, a session that is not there, no room for a run of its owner, a session that is busy.
        Raises the matching error of :mod:`agentos.errors`; then there is no run.
        """
        if not request.caller.may_run(request.agent_id):
            raise Forbidden(f"the credential may not run agent {request.agent_id!r}")
        # First of all: what a repeat would be refused for now was all right when it came for the first time.
        repeat = None if request.idempotency is None else self._storage.idempotency.find(request.idempotency)
        if repeat is not None:
            return self._repeated(repeat, request)
        request = with_question(request)
        self._sizes.check_run(request.input, request.metadata, request.context, request.media)
        self._sizes.check_overrides(request.overrides)
        self._conversations.check(request)
        self._media.check(request.media)
        if not request.input and not request.media and not request.messages:
            raise InvalidRequest("neither 'input' nor 'media' was given; a run needs at least one")
        agent = self._agents.resolve(request.agent_id)
        check_run_overrides(request.agent_id, agent, request.overrides)
        if self._before_run is not None:
            self._before_run(request, agent)
        request = self._with_media(request, agent)
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
            caller_id=request.caller.id,
            request=request.stored(),
            request_id=request.request_id,
            created_at=utc_now(),
        )
        # Without a heartbeat, another worker would take the run for lost; so no host of the server can forget it.
        self._leases.start()
        self._cancels.start()
        started = self._admit(run, overridden(agent, request.overrides), request)
        if isinstance(started, Replay):
            return self._repeated(started, request)
        logger.debug("run requested", extra={"agent_id": run.agent_id, "session_id": run.session_id, "run_id": run.id})
        return RunHandle(self._storage, self._runner, run.id, owner=request.caller.visible_owner, live=started)

    def open(self, run_id: str, caller: Principal) -> RunHandle:
        """Return a handle on a run that there may be: its methods raise :class:`~agentos.errors.RunNotFound`."""
        return RunHandle(self._storage, self._runner, run_id, owner=caller.visible_owner)

    def delete(self, run_id: str, caller: Principal) -> None:
        """Delete an ended run with all that belongs to it. Raises ``RunNotFound``, or ``RunActive`` before its end."""
        run = self._storage.runs.delete(run_id, owner=caller.visible_owner)
        if run is None:
            raise RunNotFound(run_id)
        if not run.status.finished:
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

    def _admit(self, run: Run, agent: StreamingAgent, request: RunRequest) -> LiveRun | Replay:
        slot = self._executor.reserve() if request.mode is RunMode.BACKGROUND else None
        started: LiveRun | Replay | None = None
        try:
            started = self._runner.start(
                run,
                agent,
                RunLimits.of(agent, self._config, run.request),
                owner=request.caller.visible_owner,
                concurrency=request.concurrency or agent_setting(agent, "concurrency", BusyPolicy.ENQUEUE),
                idempotency=request.idempotency,
                slot=slot,
            )
        finally:
            if slot is not None and not isinstance(started, LiveRun):
                slot.release()
        return started

    def _with_media(self, request: RunRequest, agent: StreamingAgent) -> RunRequest:
        """Return the request with all attachments that have to be brought in; refuse those that reach no model."""
        deadline = time.monotonic() + FETCH_SECONDS

        def bring(media: Sequence[Media]) -> tuple[Media, ...]:
            # Fetched first: a model that cannot fetch takes what was brought in.
            brought = self._fetcher.fetch(media, deadline=deadline)
            _check_taken(agent, brought)
            return brought

        if not request.messages:
            return replace(request, media=bring(request.media)) if request.media else request
        messages = with_media(request.messages, bring)
        self._conversations.check_size(messages)
        return replace(request, media=bring(request.media), messages=messages)

    def _repeated(self, repeat: Replay, request: RunRequest) -> RunHandle:
        if request.idempotency is not None:
            repeat.check(request.idempotency)
        if self._storage.runs.get(repeat.id, owner=request.caller.visible_owner) is None:
            raise IdempotencyConflict(f"run {repeat.id!r}, which the first request with this key made, was deleted")
        return RunHandle(self._storage, self._runner, repeat.id, owner=request.caller.visible_owner, replayed=True)


def _check_taken(agent: StreamingAgent, media: Sequence[Media]) -> None:
    """Refuse what cannot reach the model. An agent that is not ours may have ``check_media``, or looks itself."""
    check = getattr(agent, "check_media", None)
    if check is None:
        return
    for number, one in enumerate(media):
        try:
            check(one)
        except InvalidMedia as error:
            raise InvalidMedia(f"media[{number}]: {error.message}") from error


def resume_lost(run: Run, *, agents: AgentService, runner: Runner, config: Config) -> bool:
    """Execute a run that this worker took over, if it had not begun or its agent allows that; return whether it is."""
    try:
        agent = agents.resolve(run.agent_id)
    except AgentOSError:
        return False
    may_start_over = agent_setting(agent, "retry_on_crash", False) and run.attempt <= config.max_attempts
    if run.started_at is not None and not may_start_over:
        return False
    request = run.request
    if request is not None:
        if request.unknown:  # never without what a newer version has added: it may be a limit
            return False
        agent = overridden(agent, request.overrides)
    runner.resume(run, agent, RunLimits.of(agent, config, request))
    return True
