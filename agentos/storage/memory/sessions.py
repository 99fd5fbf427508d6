"""Sessions and their summaries in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from agentos.domain.message import Message
from agentos.domain.session import Session, Summary
from agentos.domain.text import folded
from agentos.errors import StorageError
from agentos.storage.idempotency import IdempotencyKey, Replay
from agentos.storage.memory.forks import MemoryForks
from agentos.storage.memory.idempotency import find_key, keep_key
from agentos.storage.memory.paging import matching, page
from agentos.storage.memory.rows import SessionRow, session_copy
from agentos.storage.paging import Cursor, Page, Paging
from agentos.storage.sessions import SessionChanges, SessionFilter, other_version
from agentos.storage.text_query import has_phrase, words_of


class MemorySessionStore(MemoryForks):
    """Sessions by id and by activity."""

    def create(
        self, session: Session, *, messages: Sequence[Message] = (), idempotency: IdempotencyKey | None = None
    ) -> Replay | None:
        with self._lock:
            replay = find_key(self._rows, idempotency)
            if replay is not None:
                return replay
            if session.id in self._rows.sessions:
                raise StorageError(f"session {session.id!r} is already there")
            self._rows.sessions[session.id] = SessionRow(session_copy(session))
            self.append(session.id, messages, owner=None, now=session.created_at)
            keep_key(self._rows, idempotency, session.id)
            return None

    def get(self, session_id: str, *, owner: str | None) -> Session | None:
        with self._lock:
            row = self._rows.find_session(session_id, owner)
            return None if row is None else session_copy(row.session)

    def list(self, where: SessionFilter, paging: Paging) -> Page[Session]:
        with self._lock:
            return page(self._matching(where), paging, place=_place, copy=session_copy)

    def count(self, where: SessionFilter) -> int:
        with self._lock:
            return len(self._matching(where))

    def update(
        self,
        session_id: str,
        changes: SessionChanges,
        *,
        owner: str | None,
        now: datetime,
        expected_version: int | None = None,
    ) -> Session:
        with self._lock:
            row = self._rows.session(session_id, owner)
            present = row.session
            if expected_version not in (None, present.version):
                raise other_version(session_id, present.version, expected_version)
            changed = replace(
                present, **changes.given(), version=present.version + 1, updated_at=max(present.updated_at, now)
            )
            row.session = session_copy(changed)
            return session_copy(changed)

    def delete(self, session_id: str, *, owner: str | None) -> bool:
        with self._lock:
            row = self._rows.find_session(session_id, owner)
            if row is None:
                return False
            del self._rows.sessions[session_id]
            self._rows.drop_aliases(session_id)
            for one in row.runs:
                self._rows.drop_run(one)
            self._rows.drop_attachments(row.session.owner, set[str]().union(*(one.digests for one in row.messages)))
            return True

    def delete_oldest(self, where: SessionFilter, *, limit: int) -> int:
        with self._lock:
            found = self._matching(where)
            if where.updated_before is not None:
                found = [one for one in found if not any(run.under_way for run in self._rows.sessions[one.id].runs)]
            return sum(self.delete(one.id, owner=None) for one in sorted(found, key=_place)[:limit])

    def put_summary(self, session_id: str, summary: Summary, *, owner: str | None) -> None:
        with self._lock:
            self._rows.session(session_id, owner).summary = summary

    def get_summary(self, session_id: str, *, owner: str | None) -> Summary | None:
        with self._lock:
            return self._rows.session(session_id, owner).summary

    def _matching(self, where: SessionFilter) -> Sequence[Session]:
        wanted = where.given()
        before = wanted.pop("updated_before", None)
        part = wanted.pop("name_contains", None)
        phrases = wanted.pop("said", None)
        found = matching((row.session for row in self._rows.sessions.values()), wanted)
        return [
            one
            for one in found
            if (before is None or one.updated_at < before)
            and (part is None or _contains(one.name, part))
            and (phrases is None or self._is_said(one.id, phrases))
        ]

    def _is_said(self, session_id: str, phrases: Sequence[str]) -> bool:
        said = (one.stored.message for one in self._rows.sessions[session_id].messages)
        texts = (words_of(one.content) for one in said if one.role in ("user", "assistant"))
        return any(all(has_phrase(words, phrase) for phrase in phrases) for words in texts)


def _contains(name: str | None, part: str) -> bool:
    return name is not None and folded(part) in folded(name)


def _place(session: Session) -> Cursor:
    return Cursor(session.updated_at, session.id)
