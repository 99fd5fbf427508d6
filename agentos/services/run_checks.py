"""What is checked of a request for a run before anything is written or said."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from agentos.config import Config
from agentos.domain.agent import StreamingAgent
from agentos.domain.media import Media
from agentos.domain.run_request import RunRequest
from agentos.errors import InvalidMedia, InvalidRequest
from agentos.media.fetching import MediaFetcher
from agentos.media.policy import MediaPolicy
from agentos.services.agents import AgentService
from agentos.services.before_run import BeforeRun
from agentos.services.conversations import ConversationPolicy, with_media, with_question
from agentos.services.overrides import check_run_overrides
from agentos.services.size_limits import SizeLimits

FETCH_SECONDS = 15.0
"""How long bringing in the attachments of one request may take."""


class RunChecks:
    """Refuses requests, and brings in what their attachments name."""

    def __init__(self, agents: AgentService, config: Config, before_run: BeforeRun | None) -> None:
        self._agents = agents
        self.moved = agents.moved
        """Has an agent run in a guest process: :meth:`~agentos.services.agents.AgentService.moved`."""
        self._media = MediaPolicy(config)
        self._fetcher = MediaFetcher(config)
        self._sizes = SizeLimits(config)
        self._conversations = ConversationPolicy(config, self._sizes, self._media)
        self._before_run = before_run

    def check(self, request: RunRequest) -> tuple[RunRequest, StreamingAgent]:
        """Return the request as it is executed, and its agent; raise the error of the first thing that is wrong."""
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
        return self._with_media(request, agent), agent

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
