"""Runs: everything that can be refused is refused here, before anything is written or said."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentos.config import Config
from agentos.domain.agent import StreamingAgent
from agentos.domain.ids import new_id
from agentos.domain.media import Media
from agentos.domain.run import Run, RunStatus
from agentos.domain.times import utc_now
from agentos.errors import InvalidMedia, InvalidRequest, RunNotFound
from agentos.execution.leases import LeaseKeeper
from agentos.execution.live import LiveRun
from agentos.execution.runner import RunLimits, Runner
from agentos.media.policy import check_media
from agentos.runtime.loop import ModelAgent
from agentos.services.agents import AgentService
from agentos.storage.interface import Page, Paging, RunFilter, Storage

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What a client asks for. ``streamed`` decides which time limit holds, nothing else."""

    agent_id: str
    input: str = ""
    media: tuple[Media, ...] = ()
    session_id: str | None = None
    user_id: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    streamed: bool = False


class RunService:
    """Starts runs and finds them again."""

    def __init__(
        self, storage: Storage, agents: AgentService, runner: Runner, leases: LeaseKeeper, config: Config
    ) -> None:
        self._storage = storage
        self._agents = agents
        self._runner = runner
        self._leases = leases
        self._config = config

    def start(self, request: RunRequest) -> LiveRun:
        """Accept a run durably and begin to execute it; follow or await it through ``.stream``.

        Refuses, in this order: media, neither input nor media, agent, media that the agent's model does not take,
        session. Raises the matching error of :mod:`agentos.errors`; then there is no run.
        """
        check_media(request.media)
        if not request.input and not request.media:
            raise InvalidRequest("neither 'input' nor 'media' was given; a run needs at least one")
        agent = self._agents.resolve(request.agent_id)
        _check_taken(agent, request.media)
        run = Run(
            id=new_id(),
            agent_id=request.agent_id,
            session_id=request.session_id,
            user_id=request.user_id,
            status=RunStatus.RUNNING,
            input=request.input,
            media=request.media,
            metadata=request.metadata,
            context=request.context,
            created_at=utc_now(),
        )
        # Without a heartbeat, another worker would take the run for lost; so no host of the server can forget it.
        self._leases.start()
        live = self._runner.start(run, agent, self._limits(agent, request))
        logger.info("run requested", extra={"agent_id": run.agent_id, "session_id": run.session_id, "run_id": run.id})
        return live

    def get(self, run_id: str) -> Run:
        """Return a run as it is saved; raises :class:`~agentos.errors.RunNotFound`."""
        run = self._storage.get_run(run_id)
        if run is None:
            raise RunNotFound(run_id)
        return run

    def list(self, where: RunFilter, paging: Paging) -> Page[Run]:
        """Return runs, newest first."""
        return self._storage.list_runs(where, paging)

    def _limits(self, agent: StreamingAgent, request: RunRequest) -> RunLimits:
        turns = agent.agent.history_turns if isinstance(agent, ModelAgent) else None
        return RunLimits(
            timeout=self._config.stream_timeout if request.streamed else self._config.request_timeout,
            history_turns=self._config.history_turns if turns is None else turns,
            max_output=self._config.max_output_size,
        )


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
