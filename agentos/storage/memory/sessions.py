"""Agents, sessions and transcripts in memory."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from agentos.domain.session import Session, Summary
from agentos.errors import PreconditionFailed, SessionNotFound, StorageError
from agentos.storage.memory.records import (
    MemoryPart,
    RunRecord,
    SessionRecord,
    agent_copy,
    listed_agent,
    message_copy,
    page,
    run_copy,
    session_copy,
)
from agentos.storage.turn import SILENT_RUNS, SILENT_SIZE, size_of
from agentos.storage.values import (
    Cursor,
    History,
    IdempotencyKey,
    Page,
    Paging,
    Repeat,
    SchemaState,
    SessionChanges,
    SessionFilter,
    StoredAgent,
    StoredMessage,
)


class MemorySessions(MemoryPart):
    """What lasts between runs."""

    def upgrade(self) -> None: ...

    def schema(self) -> SchemaState:
        return SchemaState(None, None)

    def check(self) -> None: ...

    def shrink(self) -> bool:
        return False

    def close(self) -> None: ...

    def add_agent(self, agent: StoredAgent) -> bool:
        with self._lock:
            if agent.id in self._agents:
                return False
            self._agents[agent.id] = agent_copy(agent)
            return True

    def replace_agent(self, agent: StoredAgent) -> bool:
        with self._lock:
            present = self._agents.get(agent.id)
            if present is None:
                return False
            self._agents[agent.id] = replace(agent_copy(agent), created_at=present.created_at)
            return True

    def get_agent(self, agent_id: str) -> StoredAgent | None:
        with self._lock:
            agent = self._agents.get(agent_id)
            return None if agent is None else agent_copy(agent)

    def list_agents(
        self, *, limit: int, after: str = "", offset: int = 0, leave_out: Collection[str] = ()
    ) -> Sequence[StoredAgent]:
        with self._lock:
            ids = [agent_id for agent_id in sorted(self._agents) if agent_id > after and agent_id not in leave_out]
            return [listed_agent(self._agents[agent_id]) for agent_id in ids[offset : offset + limit]]

    def delete_agent(self, agent_id: str) -> bool:
        with self._lock:
            return self._agents.pop(agent_id, None) is not None

    def create_session(self, session: Session, *, idempotency: IdempotencyKey | None = None) -> Repeat | None:
        with self._lock:
            repeat = self._keys.find(idempotency)
            if repeat is not None:
                return repeat
            if session.id in self._sessions:
                raise StorageError(f"session {session.id!r} is already there")
            self._sessions[session.id] = SessionRecord(session_copy(session))
            self._keys.keep(idempotency, session.id)
            return None

    def get_session(self, session_id: str, *, owner: str | None) -> Session | None:
        with self._lock:
            record = self._find_session(session_id, owner)
            return None if record is None else session_copy(record.session)

    def list_sessions(self, where: SessionFilter, paging: Paging) -> Page[Session]:
        with self._lock:
            found = page([(Cursor(one.updated_at, one.id), one) for one in self._matching(where)], paging)
            return Page([session_copy(one) for one in found.items], found.next_cursor)

    def count_sessions(self, where: SessionFilter) -> int:
        with self._lock:
            return len(self._matching(where))

    def update_session(
        self,
        session_id: str,
        changes: SessionChanges,
        *,
        owner: str | None,
        now: datetime,
        expected_version: int | None = None,
    ) -> Session:
        with self._lock:
            record = self._session(session_id, owner)
            present = record.session
            if expected_version not in (None, present.version):
                raise PreconditionFailed(
                    f"session {session_id!r} is at version {present.version}, not {expected_version}; read it again"
                    " and repeat"
                )
            changed = replace(
                present, **changes.given(), version=present.version + 1, updated_at=max(present.updated_at, now)
            )
            record.session = session_copy(changed)
            return session_copy(changed)

    def delete_session(self, session_id: str, *, owner: str | None) -> bool:
        with self._lock:
            record = self._find_session(session_id, owner)
            if record is None:
                return False
            del self._sessions[session_id]
            for one in record.runs:
                self._drop(one)
            return True

    def delete_sessions(self, where: SessionFilter, *, limit: int) -> int:
        with self._lock:
            oldest = sorted(self._matching(where), key=lambda one: (one.updated_at, one.id))[:limit]
            return sum(self.delete_session(one.id, owner=None) for one in oldest)

    def history(self, session_id: str, *, owner: str | None, limit: int, before: int | None = None) -> History:
        with self._lock:
            record = self._session(session_id, owner)
            end = bisect_left(record.messages, math.inf if before is None else before, key=_sequence)
            start = max(0, end - limit)
            found = record.messages[start:end]
            spoken = {one.run_id for one in found}
            after = self._position(record.messages[start - 1].run_id) if start else 0
            if before is None or before > record.sequence:
                until = record.position + 1
            else:
                until = self._position(found[-1].run_id) if found else 0
            silent = _latest_silent([one for one in record.runs if after < (one.run.position or 0) < until])
            return History(
                messages=[replace(one, message=message_copy(one.message)) for one in found],
                runs=[run_copy(one.run) for one in record.runs if one.run.id in spoken | silent],
            )

    def put_summary(self, session_id: str, summary: Summary, *, owner: str | None) -> None:
        with self._lock:
            self._session(session_id, owner).summary = summary

    def get_summary(self, session_id: str, *, owner: str | None) -> Summary | None:
        with self._lock:
            return self._session(session_id, owner).summary

    def _session(self, session_id: str, owner: str | None) -> SessionRecord:
        record = self._find_session(session_id, owner)
        if record is None:
            raise SessionNotFound(session_id)
        return record

    def _position(self, run_id: str) -> int:
        return self._runs[run_id].run.position or 0

    def _matching(self, where: SessionFilter) -> list[Session]:
        names = ("owner", "agent_id", "user_id", "team_id", "workflow_id")
        wanted = {name: value for name in names if (value := getattr(where, name)) is not None}
        return [
            record.session
            for record in self._sessions.values()
            if all(getattr(record.session, name) == value for name, value in wanted.items())
            and (where.updated_before is None or record.session.updated_at < where.updated_before)
        ]


def _sequence(stored: StoredMessage) -> int:
    return stored.sequence


def _latest_silent(between: Sequence[RunRecord]) -> set[str]:
    """Return the ids of the latest runs that ended without a message, as many as one page has."""
    silent: set[str] = set()
    size = 0
    for one in reversed(between):
        if one.turn is not None or one.open() or one.forget_requested:
            continue
        silent.add(one.run.id)
        size += size_of(one.run)
        if len(silent) == SILENT_RUNS or size > SILENT_SIZE:
            break
    return silent
