"""Summaries of sessions, made by the session's agent's model."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable

from agentos.config import Config
from agentos.domain.message import Message
from agentos.domain.principal import Principal
from agentos.domain.session import Session, Summary
from agentos.domain.times import utc_now
from agentos.errors import AgentOSError, Forbidden, InvalidRequest, ProviderError, SessionNotFound, SummaryNotFound
from agentos.models.deltas import TextDelta, each
from agentos.models.request import ModelRequest
from agentos.models.retry import stream_with_retry
from agentos.observability.content import Quoting
from agentos.runtime.loop import ModelAgent
from agentos.services.agents import AgentService
from agentos.storage.interface import Storage
from agentos.storage.values import StoredMessage

MESSAGES = 200
"""Messages that a summary reads at most; what lies before them is in the summary before."""

CHARACTERS = 4000
"""Of one message, at most."""

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

    def get(self, session_id: str, caller: Principal) -> Summary:
        """Return the session's summary; raises ``SessionNotFound`` or ``SummaryNotFound``."""
        summary = self._storage.get_summary(session_id, owner=caller.reach)
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
        """Refuse as :meth:`make` does, but let the model work in the background."""
        session, agent = self._prepared(session_id, caller)
        threading.Thread(target=self._make_quietly, args=(session, agent), name="summary", daemon=True).start()

    def _prepared(self, session_id: str, caller: Principal) -> tuple[Session, ModelAgent]:
        session = self._storage.get_session(session_id, owner=caller.reach)
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
        if session.run_count == 0:
            raise InvalidRequest("the session has no messages yet; there is nothing to summarise")
        return session, agent

    def _make(self, session: Session, agent: ModelAgent) -> Summary:
        earlier = self._storage.get_summary(session.id, owner=session.owner)
        history = self._storage.history(session.id, owner=session.owner, limit=MESSAGES)
        request = ModelRequest(
            model=agent.model,
            messages=[Message("system", INSTRUCTIONS), Message("user", _as_text(earlier, history.messages))],
            deadline=time.monotonic() + self._config.request_timeout,
        )
        pieces = stream_with_retry(agent.provider, request, retries=self._config.model_retries)
        content = "".join(delta.text for delta in each(pieces) if isinstance(delta, TextDelta)).strip()
        if not content:
            raise ProviderError("the model gave no summary")
        summary = Summary(
            content=content.replace("\0", "\ufffd"),
            run_count=session.run_count,
            total_tokens=session.total_tokens,
            created_at=utc_now(),
        )
        self._storage.put_summary(session.id, summary, owner=session.owner)
        return summary

    def _make_quietly(self, session: Session, agent: ModelAgent) -> None:
        try:
            self._make(session, agent)
        except AgentOSError as error:
            logger.warning("summary failed", extra={"session_id": session.id, "reason": Quoting(error.message)})
        except Exception:  # a provider's own code; else Python would print it past the log, with all that it quotes
            logger.exception("summary met a bug", extra={"session_id": session.id})


def _as_text(earlier: Summary | None, messages: Iterable[StoredMessage]) -> str:
    lines = [] if earlier is None else [f"Summary so far: {earlier.content}"]
    for stored in messages:
        if stored.message.content and stored.message.role in ("user", "assistant"):
            lines.append(f"{stored.message.role}: {stored.message.content[:CHARACTERS]}")
    return "\n".join(lines)
