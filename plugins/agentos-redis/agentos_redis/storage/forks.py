"""Forks of sessions in Redis."""

from __future__ import annotations

from datetime import datetime

from agentos import RunNotFound, SessionNotFound, StorageError
from agentos.backends import (
    MAX_CHARACTERS,
    MAX_MESSAGES,
    ForkedFrom,
    IdempotencyKey,
    Replay,
    Session,
    SessionChanges,
    check_size,
)
from agentos_redis.storage.database import Refusal
from agentos_redis.storage.idempotency import key_values, replay_of
from agentos_redis.storage.session_messages import RedisSessionMessages
from agentos_redis.storage.session_rows import changed_values, forked_text, session_of
from agentos_redis.storage.values import stamp


class RedisForks(RedisSessionMessages):
    """Forks sessions."""

    def fork(
        self,
        session_id: str,
        fork_id: str,
        changes: SessionChanges,
        *,
        before_run_id: str | None = None,
        owner: str | None,
        now: datetime,
        idempotency: IdempotencyKey | None = None,
    ) -> Session | Replay:
        fields, cleared = changed_values(changes.given())
        try:
            reply = self._database.write(
                "fork",
                id=session_id,
                fork=fork_id,
                fields=fields,
                cleared=cleared,
                before=before_run_id,
                owner=owner,
                now=stamp(now),
                key=key_values(idempotency),
                forked=forked_text(ForkedFrom(session_id=session_id, before_run_id=before_run_id)),
                most_messages=MAX_MESSAGES,
                most_characters=MAX_CHARACTERS,
            )
        except Refusal as refusal:
            if refusal.code == "no session":
                raise SessionNotFound(session_id) from None
            if refusal.code == "no run":
                raise RunNotFound(str(before_run_id)) from None
            if refusal.code == "size":
                messages, characters = refusal.details
                check_size(session_id, messages=messages, characters=characters)
            raise StorageError(f"session {fork_id!r} is already there") from None
        return replay_of(reply) if reply[0] == b"replay" else session_of(reply[1])
