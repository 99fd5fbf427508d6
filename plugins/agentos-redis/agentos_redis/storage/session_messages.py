"""What was said in sessions: transcripts, and messages that are added without a run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from agentos import SessionNotFound
from agentos.backends import (
    MAX_RUNS_WITHOUT_MESSAGES,
    MAX_SIZE_WITHOUT_MESSAGES,
    MOST_CONTINUED,
    Attachment,
    History,
    Message,
    SessionStore,
    StoredMessage,
    of_a_run,
    read_in_messages,
    stored_messages,
)
from agentos_redis.storage.admission import raise_busy
from agentos_redis.storage.database import Blobs, RedisStore, Refusal
from agentos_redis.storage.message_rows import added_values, stored_message_at
from agentos_redis.storage.run_rows import run_of, sent_bytes
from agentos_redis.storage.values import stamp, text_of


class RedisSessionMessages(RedisStore, SessionStore):
    """Messages by sequence."""

    def history(self, session_id: str, *, owner: str | None, limit: int, before: int | None = None) -> History:
        try:
            sequences, values, runs = self._database.read(
                "history",
                id=session_id,
                owner=owner,
                limit=limit,
                before=before,
                most_runs=MAX_RUNS_WITHOUT_MESSAGES,
                most_size=MAX_SIZE_WITHOUT_MESSAGES,
            )
        except Refusal:
            raise SessionNotFound(session_id) from None
        return History(messages=list(map(stored_message_at, sequences, values)), runs=list(map(run_of, runs)))

    def append(
        self, session_id: str, messages: Sequence[Message], *, owner: str | None, now: datetime
    ) -> Sequence[StoredMessage]:
        messages, new = read_in_messages(messages)
        blobs = Blobs()
        try:
            last = self._database.write(
                "append", blobs, id=session_id, owner=owner, now=stamp(now), **appended(messages, new, blobs, now)
            )
        except Refusal as refusal:
            if refusal.code == "busy":
                raise_busy(refusal)
            raise SessionNotFound(session_id) from None
        return stored_messages(messages, last=int(last), now=now)

    def remove_message(self, session_id: str, sequence: int, *, owner: str | None) -> bool:
        try:
            return bool(self._database.write("remove_message", id=session_id, sequence=sequence, owner=owner))
        except Refusal as refusal:
            raise of_a_run(session_id, sequence, text_of(refusal.details[0])) from None


def appended(messages: Sequence[Message], new: dict[str, Attachment], blobs: Blobs, now: datetime) -> dict[str, Any]:
    """Return what an operation needs to add messages to a session."""
    return {
        "messages": added_values(messages, now),
        "blobs": sent_bytes(new, blobs),
        "most_continued": MOST_CONTINUED,
    }
