"""Sessions: made, listed, changed, deleted; and their history."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentos.config import Config
from agentos.domain.ids import new_id
from agentos.domain.message import Message
from agentos.domain.principal import Principal
from agentos.domain.session import Session
from agentos.domain.times import utc_now
from agentos.errors import IdempotencyConflict, InvalidRequest, RunCancelled, SessionNotFound, StorageError
from agentos.execution.worker import Worker
from agentos.services.added_messages import AddedMessages
from agentos.services.size_limits import SizeLimits
from agentos.storage.aliases import Alias
from agentos.storage.history import History, StoredMessage
from agentos.storage.idempotency import IdempotencyKey, Replay
from agentos.storage.interface import Storage
from agentos.storage.paging import Page, Paging
from agentos.storage.sessions import SessionChanges, SessionFilter

MAX_ALIAS = 512
"""Characters of an id of another protocol."""

ATTEMPTS = 3
"""How often an alias is looked for while its session is being deleted."""

_AS_IT_IS = SessionChanges()

_DOOR = re.compile(r"[a-z][a-z0-9_-]{0,63}")

logger = logging.getLogger(__name__)


class SessionService:
    """What clients do with sessions besides running agents in them. What is not the caller's is not there."""

    def __init__(self, storage: Storage, worker: Worker, config: Config) -> None:
        self._storage = storage
        self._worker = worker
        self._search = config.search
        self._sizes = SizeLimits(config)
        self._added = AddedMessages(config, self._sizes)

    def create(
        self,
        agent_id: str,
        *,
        user_id: str | None = None,
        team_id: str | None = None,
        workflow_id: str | None = None,
        name: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        state: Mapping[str, Any] | None = None,
        messages: Sequence[Message] = (),
        idempotency: IdempotencyKey | None = None,
        caller: Principal,
    ) -> tuple[Session, bool]:
        """Create a session (its agent need not be registered yet); return it and whether it was there already.

        ``messages`` are what was said in it so far, as for :meth:`append`. It was there if an earlier request had the
        same idempotency key. Raises ``InvalidRequest`` for what is too large,
        :class:`~agentos.errors.IdempotencyMismatch`, or :class:`~agentos.errors.IdempotencyConflict` when that session
        is gone.
        """
        session = self._new(
            agent_id,
            owner=caller.owner,
            user_id=user_id,
            team_id=team_id,
            workflow_id=workflow_id,
            name=name,
            metadata=metadata,
            state=state,
        )
        messages = self._added.accepted(messages)
        repeat = self._storage.sessions.create(session, messages=messages, idempotency=idempotency)
        if repeat is None or idempotency is None:
            logger.info("session created", extra={"session_id": session.id, "agent_id": agent_id})
            return session, False
        return self._made_before(repeat, idempotency, caller), True

    def fork(
        self,
        session_id: str,
        changes: SessionChanges = _AS_IT_IS,
        *,
        before_run_id: str | None = None,
        idempotency: IdempotencyKey | None = None,
        caller: Principal,
    ) -> tuple[Session, bool]:
        """Create a session that begins with what was said in another one; return it and whether it was there already.

        It has the messages before ``before_run_id``, or all of them, with their attachments. From then on the two have
        nothing in common. ``changes`` say what is not as in the other session. Its owner is that session's. The state
        is copied with the whole transcript only. Raises ``SessionNotFound``, :class:`~agentos.errors.RunNotFound`,
        ``InvalidRequest`` for a transcript that is too long, and for the key what :meth:`create` raises.
        """
        self._sizes.check_session(changes.given())
        # Before anything is refused: the first request with this key may have been the last before its parent was gone.
        repeat = None if idempotency is None else self._storage.idempotency.find(idempotency)
        made = repeat or self._storage.sessions.fork(
            session_id,
            new_id(),
            changes,
            before_run_id=before_run_id,
            owner=caller.visible_owner,
            now=utc_now(),
            idempotency=idempotency,
        )
        if isinstance(made, Session):
            logger.info("session forked", extra={"session_id": made.id, "parent_id": session_id})
            return made, False
        assert idempotency is not None
        return self._made_before(made, idempotency, caller), True

    def _made_before(self, repeat: Replay, key: IdempotencyKey, caller: Principal) -> Session:
        """Return the session that the first request with a key made."""
        repeat.check(key)
        earlier = self._storage.sessions.get(repeat.id, owner=caller.visible_owner)
        if earlier is None:
            raise IdempotencyConflict(f"session {repeat.id!r}, which the first request with this key made, was deleted")
        return earlier

    def for_alias(
        self,
        door: str,
        id: str,
        caller: Principal,
        *,
        agent_id: str,
        user_id: str | None = None,
        name: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Session:
        """Return the caller's session that an id of another protocol stands for; create it at the first use.

        ``door`` names the protocol (``openai``, ``ag-ui``); ``id`` is the client's own, of 1 to 512 printable
        characters. The other arguments are of a new session; they change nothing in one that is there. Of several first
        uses at the same time, one creates the session, and all return it. Raises ``InvalidRequest``.
        """
        alias = _alias(door, id, caller)
        for _ in range(ATTEMPTS):
            session_id = self._storage.aliases.find(alias) or self._bind(
                alias, agent_id, user_id=user_id, name=name, metadata=metadata
            )
            session = self._storage.sessions.get(session_id, owner=caller.owner)
            if session is not None:
                return session
        raise SessionNotFound(session_id)  # deleted again and again

    def find_alias(self, door: str, id: str, caller: Principal) -> Session | None:
        """Return the caller's session that an id of another protocol stands for; ``None`` before its first use.

        ``door`` and ``id`` are as for :meth:`for_alias`.
        """
        session_id = self._storage.aliases.find(_alias(door, id, caller))
        return None if session_id is None else self._storage.sessions.get(session_id, owner=caller.owner)

    def _bind(self, alias: Alias, agent_id: str, **given: Any) -> str:
        session = self._new(agent_id, owner=alias.owner, **given)
        session_id = self._storage.aliases.bind(alias, session)
        if session_id == session.id:
            logger.info("session created", extra={"session_id": session.id, "agent_id": agent_id, "door": alias.door})
        return session_id

    def _new(
        self,
        agent_id: str,
        *,
        owner: str,
        metadata: Mapping[str, Any] | None,
        state: Mapping[str, Any] | None = None,
        **given: Any,
    ) -> Session:
        self._sizes.check_session({"metadata": metadata, "state": state})
        now = utc_now()
        return Session(
            id=new_id(),
            agent_id=agent_id,
            owner=owner,
            metadata=metadata or {},
            state=state or {},
            created_at=now,
            updated_at=now,
            **given,
        )

    def get(self, session_id: str, caller: Principal) -> Session:
        """Return a session; raises :class:`~agentos.errors.SessionNotFound`."""
        session = self._storage.sessions.get(session_id, owner=caller.visible_owner)
        if session is None:
            raise SessionNotFound(session_id)
        return session

    def list(self, where: SessionFilter, paging: Paging, caller: Principal) -> Page[Session]:
        """Return the caller's sessions, newest activity first.

        Raises ``InvalidRequest`` for ``said`` where ``AGENTOS_SEARCH`` is off, and ``StorageError`` where no upgrade
        has made the index.
        """
        return self._storage.sessions.list(self._within(where, caller), paging)

    def count(self, where: SessionFilter, caller: Principal) -> int:
        """Return how many of the caller's sessions match."""
        return self._storage.sessions.count(self._within(where, caller))

    def _within(self, where: SessionFilter, caller: Principal) -> SessionFilter:
        if where.said is not None and not self._search:
            raise InvalidRequest(
                "query parameter 'q_text' is not accepted here: this deployment keeps no index of what is said; its"
                " operator turns it on with AGENTOS_SEARCH=true"
            )
        if where.said is not None and (schema := self._storage.schema()).lacks is not None:
            raise StorageError(f"query parameter 'q_text' cannot be answered now: {schema.description}")
        return where if caller.visible_owner is None else replace(where, owner=caller.visible_owner)

    def update(
        self, session_id: str, changes: SessionChanges, caller: Principal, *, expected_version: int | None = None
    ) -> Session:
        """Change a session. Raises ``InvalidRequest``, ``SessionNotFound``, or ``PreconditionFailed`` (version)."""
        self._sizes.check_session(changes.given())
        session = self._storage.sessions.update(
            session_id, changes, owner=caller.visible_owner, now=utc_now(), expected_version=expected_version
        )
        logger.info("session updated", extra={"session_id": session_id, "fields": sorted(changes.given())})
        return session

    def delete(self, session_id: str, caller: Principal) -> None:
        """Delete a session with its messages, events and runs, paused ones too; a run under way is cancelled."""
        if not self._storage.sessions.delete(session_id, owner=caller.visible_owner):
            raise SessionNotFound(session_id)
        self._worker.stop_session(session_id, RunCancelled("its session was deleted"))
        logger.info("session deleted", extra={"session_id": session_id})

    def history(self, session_id: str, caller: Principal, *, limit: int, before: int | None = None) -> History:
        """Return the last ``limit`` messages (before a sequence number) and their runs, oldest first."""
        return self._storage.sessions.history(session_id, owner=caller.visible_owner, limit=limit, before=before)

    def append(self, session_id: str, messages: Sequence[Message], caller: Principal) -> Sequence[StoredMessage]:
        """Add messages of a user, an assistant and tools to a session without a run; return them in their places.

        What an assistant said is what the caller says that it said: it answers no approval, and starts nothing. A model
        is given what was added as a part of the session. A call without its result, and a result without its call, are
        kept and never given to a model. Raises ``InvalidRequest`` or ``InvalidMedia`` naming the message,
        ``SessionNotFound``, and :class:`~agentos.errors.SessionBusy` while a run of the session has not ended.
        """
        self.get(session_id, caller)  # before anything is fetched for it
        messages = self._added.accepted(messages)
        added = self._storage.sessions.append(session_id, messages, owner=caller.visible_owner, now=utc_now())
        logger.info("messages added", extra={"session_id": session_id, "messages": len(added)})
        return added

    def remove_message(self, session_id: str, sequence: int, caller: Principal) -> bool:
        """Remove a message that was added, with the session's summary; return whether it was there.

        Raises ``InvalidRequest`` for a message of a run: that goes with its run.
        """
        removed = self._storage.sessions.remove_message(session_id, sequence, owner=caller.visible_owner)
        if removed:
            logger.info("message removed", extra={"session_id": session_id, "sequence": sequence})
        return removed

    def with_data(self, message: Message, session: Session) -> Message:
        """Return a message of a session's history with the bytes of its attachments, where they are still stored."""
        if not message.media:
            return message
        whole = (self._storage.attachments.with_data(media, owner=session.owner) or media for media in message.media)
        return replace(message, media=tuple(whole))


def _alias(door: str, id: str, caller: Principal) -> Alias:
    if not _DOOR.fullmatch(door):
        raise InvalidRequest(
            f"door {door!r:.80} is not accepted: 1 to 64 of lower-case letters, digits, '_' and '-', the first a letter"
        )
    if not 1 <= len(id) <= MAX_ALIAS or not id.isprintable():
        given = f"has {len(id)} characters" if len(id) > 80 or not id else f"is {id!r}"
        raise InvalidRequest(f"the id of the conversation {given}; accepted are 1 to {MAX_ALIAS} printable characters")
    return Alias(owner=caller.owner, door=door, id=id)
