"""Sessions, their transcripts and summaries in memory."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from operator import attrgetter

from agentos.domain.session import Session, Summary
from agentos.errors import StorageError
from agentos.storage.history import History, within_page
from agentos.storage.idempotency import IdempotencyKey, Replay
from agentos.storage.memory.idempotency import find_key, keep_key
from agentos.storage.memory.paging import matching, page
from agentos.storage.memory.rows import MemoryStore, SessionRow, session_copy
from agentos.storage.memory.run_rows import listed_copy, message_copy
from agentos.storage.paging import Cursor, Page, Paging
from agentos.storage.sessions import SessionChanges, SessionFilter, SessionStore, other_version


class MemorySessionStore(MemoryStore, SessionStore):
    """Sessions by id and by activity."""

    def create(self, session: Session, *, idempotency: IdempotencyKey | None = None) -> Replay | None:
        with self._lock:
            replay = find_key(self._rows, idempotency)
            if replay is not None:
                return replay
            if session.id in self._rows.sessions:
                raise StorageError(f"session {session.id!r} is already there")
            self._rows.sessions[session.id] = SessionRow(session_copy(session))
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
            return True

    def delete_oldest(self, where: SessionFilter, *, limit: int) -> int:
        with self._lock:
            oldest = sorted(self._matching(where), key=_place)[:limit]
            return sum(self.delete(one.id, owner=None) for one in oldest)

    def history(self, session_id: str, *, owner: str | None, limit: int, before: int | None = None) -> History:
        with self._lock:
            row = self._rows.session(session_id, owner)
            end = bisect_left(row.messages, math.inf if before is None else before, key=attrgetter("sequence"))
            start = max(0, end - limit)
            found = row.messages[start:end]
            after = self._position(row.messages[start - 1].run_id) if start else 0
            if before is None or before > row.sequence:
                until = row.position + 1
            else:
                until = self._position(found[-1].run_id) if found else 0
            without_messages = within_page(
                one.run
                for one in reversed(row.runs)
                if after < one.position < until and one.turn is None and not (one.unfinished or one.forget_requested)
            )
            shown = {one.run_id for one in found} | {run.id for run in without_messages}
            return History(
                messages=[replace(one, message=message_copy(one.message)) for one in found],
                runs=[listed_copy(one.run) for one in row.runs if one.run.id in shown],
            )

    def put_summary(self, session_id: str, summary: Summary, *, owner: str | None) -> None:
        with self._lock:
            self._rows.session(session_id, owner).summary = summary

    def get_summary(self, session_id: str, *, owner: str | None) -> Summary | None:
        with self._lock:
            return self._rows.session(session_id, owner).summary

    def _position(self, run_id: str) -> int:
        return self._rows.runs[run_id].position

    def _matching(self, where: SessionFilter) -> Sequence[Session]:
        wanted = where.given()
        before = wanted.pop("updated_before", None)
        found = matching((row.session for row in self._rows.sessions.values()), wanted)
        return [one for one in found if before is None or one.updated_at < before]


def _place(session: Session) -> Cursor:
    return Cursor(session.updated_at, session.id)
