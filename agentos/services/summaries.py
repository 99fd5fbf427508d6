"""Summaries of sessions, made by the session's agent's model."""

from __future__ import annotations

import logging
import threading
import time

from agentos.config import Config
from agentos.domain.message import Message
from agentos.domain.principal import Principal
from agentos.domain.session import Session, Summary
from agentos.domain.text import clean
from agentos.domain.times import utc_now
from agentos.domain.usage import Usage
from agentos.errors import (
    AgentOSError,
    ContextTooLong,
    Forbidden,
    InvalidRequest,
    ProviderError,
    RateLimited,
    SessionNotFound,
    SummaryNotFound,
)
from agentos.models.deltas import Finish, TextDelta, each
from agentos.models.request import ModelRequest
from agentos.models.retry import stream_with_retry
from agentos.observability.call_log import Origin, log_failed_model_call, log_model_call, words_of
from agentos.observability.content import UntrustedText
from agentos.runtime.context import RunContext
from agentos.runtime.loop import ModelAgent
from agentos.runtime.model_response import ModelResponse
from agentos.services.agents import AgentService
from agentos.storage.interface import Storage

MESSAGES = 200
"""Messages that a summary reads at most; what lies before them is in the summary before."""

CHARACTERS = 4000
"""Of one message, at most."""

PIECE = 32
"""Messages that are read from the storage at once: they bring their runs, which may be megabytes."""

LATER_AT_ONCE = 10
"""Summaries that one worker makes in the background at once; each is a call to a model, and no request waits for it."""

INSTRUCTIONS = (
    "Summarise the conversation below for somebody who will continue it: what the user wants, facts about the user,"
    " decisions, results and open questions. Be brief and factual; add nothing that was not said."
)

logger = logging.getLogger(__name__)


class SummaryService:
    """Makes and reads summaries; the transcript itself is never changed."""

    def __init__(self, storage: Storage, agents: AgentService, config: Config) -> None:
        self._storage = storage
        self._agents = agents
        self._config = config
        self._places = threading.BoundedSemaphore(LATER_AT_ONCE)

    def get(self, session_id: str, caller: Principal) -> Summary:
        """Return the session's summary; raises ``SessionNotFound`` or ``SummaryNotFound``."""
        summary = self._storage.sessions.get_summary(session_id, owner=caller.visible_owner)
        if summary is None:
            raise SummaryNotFound(session_id)
        return summary

    def make(self, session_id: str, caller: Principal) -> Summary:
        """Have the model summarise the session, keep the summary and return it.

        Raises ``SessionNotFound``, ``Forbidden`` for who may not run the session's agent, ``AgentNotFound``,
        ``InvalidRequest`` when there is nothing to summarise or no model to do it, and the model's errors.
        """
        session, agent = self._prepared(session_id, caller)
        return self._make(session, agent)

    def make_later(self, session_id: str, caller: Principal) -> None:
        """Refuse as :meth:`make` does, or with ``RateLimited``, but let the model work in the background."""
        session, agent = self._prepared(session_id, caller)
        if not self._places.acquire(blocking=False):
            raise RateLimited(
                f"{LATER_AT_ONCE} summaries are being made in the background of this worker; try again later, or wait"
                " for one without 'async'",
                retry_after=5.0,
            )
        thread = threading.Thread(target=self._make_quietly, args=(session, agent), name="summary", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the machine has no more threads
            self._places.release()
            raise

    def _prepared(self, session_id: str, caller: Principal) -> tuple[Session, ModelAgent]:
        session = self._storage.sessions.get(session_id, owner=caller.visible_owner)
        if session is None:
            raise SessionNotFound(session_id)
        if not caller.may_run(session.agent_id):
            raise Forbidden(
                f"the session's agent would make its summary, and the credential may not run {session.agent_id!r}:"
                f" it needs scope 'agents:run' or 'agents:run:{session.agent_id}'"
            )
        agent = self._agents.resolve(session.agent_id)
        if not isinstance(agent, ModelAgent):
            raise InvalidRequest(f"agent {session.agent_id!r} has no model of its own that could summarise the session")
        if session.run_count == 0 and not self._has_messages(session):
            raise InvalidRequest("the session has no messages yet; there is nothing to summarise")
        return session, agent

    def _has_messages(self, session: Session) -> bool:
        return bool(self._storage.sessions.history(session.id, owner=session.owner, limit=1).messages)

    def _make(self, session: Session, agent: ModelAgent) -> Summary:
        earlier = self._storage.sessions.get_summary(session.id, owner=session.owner)
        before = [] if earlier is None else [f"Summary so far: {earlier.content}"]
        summary = Summary(
            content=self._fitting(agent, session, before, self._said(session)),
            run_count=session.run_count,
            total_tokens=session.total_tokens,
            created_at=utc_now(),
        )
        self._storage.sessions.put_summary(session.id, summary, owner=session.owner)
        return summary

    def _fitting(self, agent: ModelAgent, session: Session, before: list[str], said: list[str]) -> str:
        """Return the model's summary of what was said; of its later half, as often as it is too long for the model."""
        deadline = time.monotonic() + self._config.request_timeout
        while True:
            request = ModelRequest(
                model=agent.model,
                messages=[Message("system", INSTRUCTIONS), Message("user", "\n".join([*before, *said]))],
                deadline=deadline,
            )
            try:
                return self._answer(agent, session, request)
            except ContextTooLong as error:
                if len(said) <= 1:
                    raise ContextTooLong(
                        f"the last message of the session alone is longer than model {agent.agent.model!r} takes; give"
                        f" the agent a model with a larger context: {error.message}",
                        details=error.details,
                    ) from error
                left_out = (len(said) + 1) // 2
                logger.warning(
                    "the session is too long for the summary's model: %d messages are left out",
                    left_out,
                    extra={"session_id": session.id},
                )
                said = said[left_out:]

    def _said(self, session: Session) -> list[str]:
        """Return what was said last in a session, oldest first, a line a message."""
        lines: list[str] = []
        left, before = MESSAGES, None
        while left > 0 and before != 1:
            limit = min(PIECE, left)
            page = self._storage.sessions.history(session.id, owner=session.owner, limit=limit, before=before)
            lines[:0] = [
                f"{stored.message.role}: {stored.message.content[:CHARACTERS]}"
                for stored in page.messages
                if stored.message.content and stored.message.role in ("user", "assistant")
            ]
            left -= len(page.messages)
            before = page.messages[0].sequence if page.messages else 1
        return lines

    def _answer(self, agent: ModelAgent, session: Session, request: ModelRequest) -> str:
        """Return what the model writes; raise ``ProviderError`` for nothing, too much, and what has no proper end."""
        model = agent.agent.model
        if agent.before_model_call is not None:
            asked = RunContext(
                run_id="",
                agent_id=session.agent_id,
                input="",
                deadline=request.deadline,
                owner=session.owner,
                session_id=session.id,
                user_id=session.user_id,
                cancellation=request.cancellation,
            )
            request = agent.before_model_call(request, asked)
            model = f"{model.partition(':')[0]}:{request.model}"
        origin = Origin(None, session.agent_id, session.id)
        response = ModelResponse(self._config.max_output_size)

        def log_failure(error: BaseException) -> None:
            log_failed_model_call(
                origin,
                model=model,
                attempt=response.attempt,
                duration=response.age,
                first_piece=response.began,
                error=error,
                said=lambda: [*words_of(request.messages), *response.words()],
            )

        arrivals = stream_with_retry(
            agent.provider, request, retries=self._config.model_retries, asking=response.ask, retrying=log_failure
        )
        try:
            for delta in each(arrivals):
                if response.began is None:
                    response.began = response.age
                match delta:
                    case TextDelta():
                        response.pieces.append(delta.text)
                        response.check_size()
                    case Usage():
                        response.usage = delta
                    case Finish():
                        response.finish(delta.reason)
            if response.reason is None:
                raise ProviderError(f"model {model!r} stopped in the middle of the summary")
        except BaseException as error:  # however the call ends, the log has a line of it
            log_failure(error)
            raise
        log_model_call(origin, response.step(model))
        content = response.text.strip()
        if not content:
            raise ProviderError("the model gave no summary")
        return clean(content)

    def _make_quietly(self, session: Session, agent: ModelAgent) -> None:
        try:
            self._make(session, agent)
        except AgentOSError as error:
            logger.warning("summary failed", extra={"session_id": session.id, "reason": UntrustedText(error.message)})
        except Exception:  # a provider's own code; else Python would print it past the log, with all that it quotes
            logger.exception("summary met a bug", extra={"session_id": session.id})
        finally:
            self._places.release()
