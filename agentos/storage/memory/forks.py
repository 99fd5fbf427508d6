"""Forks of sessions in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from agentos.domain.session import Session
from agentos.errors import RunNotFound, StorageError
from agentos.storage.forks import check_size, fork_of
from agentos.storage.idempotency import IdempotencyKey, Replay
from agentos.storage.memory.idempotency import find_key, keep_key
from agentos.storage.memory.rows import MessageRow, SessionRow, session_copy
from agentos.storage.memory.session_messages import MemorySessionMessages
from agentos.storage.sessions import SessionChanges


class MemoryForks(MemorySessionMessages):
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
        with self._lock:
            parent = self._rows.session(session_id, owner)
            replay = find_key(self._rows, idempotency)
            if replay is not None:
                return replay
            if fork_id in self._rows.sessions:
                raise StorageError(f"session {fork_id!r} is already there")
            end = parent.sequence + 1
            if before_run_id is not None:
                end = self._first_from(parent, before_run_id) or end
            copied = [one for one in parent.messages if one.stored.sequence < end]
            check_size(session_id, messages=len(copied), characters=sum(map(_size, copied)))
            whole = len(copied) == len(parent.messages)
            session = fork_of(parent.session, fork_id, changes, before_run_id=before_run_id, whole=whole, now=now)
            self._rows.sessions[fork_id] = SessionRow(
                session_copy(session),
                summary=parent.summary if whole else None,
                messages=[self._copy_of(one, session.owner) for one in copied],
                sequence=end - 1,
                turn=max((one.turn for one in copied), default=0),
            )
            keep_key(self._rows, idempotency, fork_id)
            return session_copy(session)

    def _copy_of(self, row: MessageRow, owner: str) -> MessageRow:
        # They belong to no run of the fork, and are there before its first.
        return replace(row, position=0, digests=self._rows.keep_attachments(owner, row.stored.message.media, {}))

    def _first_from(self, parent: SessionRow, run_id: str) -> int | None:
        """Return the sequence of the first message of a run, or of what comes after it; ``None`` for the end."""
        own = [one.stored.sequence for one in parent.messages if one.stored.run_id == run_id]
        if own:
            return own[0]
        runs = [one for one in parent.runs if one.run.id == run_id]
        if not runs:
            raise RunNotFound(run_id)
        after = (one.stored.sequence for one in parent.messages if self._position(one) >= runs[0].position)
        return next(after, None)


def _size(row: MessageRow) -> int:
    message = row.stored.message
    return len(message.content) + sum(len(call.arguments) for call in message.tool_calls)
