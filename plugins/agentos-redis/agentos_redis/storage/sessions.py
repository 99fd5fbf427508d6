"""Sessions and their summaries in Redis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from agentos import SessionNotFound, StorageError
from agentos.backends import (
    Cursor,
    IdempotencyKey,
    Message,
    Page,
    Paging,
    Replay,
    Session,
    SessionChanges,
    SessionFilter,
    Summary,
    dumps,
    folded,
    has_phrase,
    loads,
    other_version,
    page_of,
    read_in_messages,
    words_of,
)
from agentos_redis.storage.database import Blobs, Refusal
from agentos_redis.storage.forks import RedisForks
from agentos_redis.storage.idempotency import key_values, replay_of
from agentos_redis.storage.message_rows import message_at
from agentos_redis.storage.paging import Row, bounds, collect
from agentos_redis.storage.session_messages import appended
from agentos_redis.storage.session_rows import changed_values, session_of, session_values
from agentos_redis.storage.values import stamp, text_of, time_of

_FIELDS = ("owner", "agent_id", "user_id", "team_id", "workflow_id")
_ALL = 1_000_000_000
_TEXTS = 200
"""Messages that a search reads at a time."""


class RedisSessionStore(RedisForks):
    """Sessions by id and by activity."""

    def create(
        self, session: Session, *, messages: Sequence[Message] = (), idempotency: IdempotencyKey | None = None
    ) -> Replay | None:
        messages, new = read_in_messages(messages)
        blobs = Blobs()
        try:
            reply = self._database.write(
                "session_create",
                blobs,
                id=session.id,
                fields=session_values(session),
                updated=stamp(max(session.updated_at, session.created_at) if messages else session.updated_at),
                key=key_values(idempotency),
                **appended(messages, new, blobs, session.created_at),
            )
        except Refusal:
            raise StorageError(f"session {session.id!r} is already there") from None
        return replay_of(reply) if reply[0] == b"replay" else None

    def get(self, session_id: str, *, owner: str | None) -> Session | None:
        row = self._database.read("session_get", id=session_id, owner=owner)
        return None if row is None else session_of(row)

    def list(self, where: SessionFilter, paging: Paging) -> Page[Session]:
        query = bounds(after=paging.cursor, before=where.updated_before)
        rows = self._rows(where, paging, query)
        return page_of(list(map(session_of, rows)), paging, place=_place, convert=lambda kept: kept)

    def count(self, where: SessionFilter) -> int:
        wanted = _wanted(where)
        query = bounds(before=where.updated_before)
        if self._filter(where) is not None:
            return len(self._rows(where, Paging(limit=_ALL), query))
        if len(wanted) > 1:
            return len(collect(self._database, "session_list", Paging(limit=_ALL), query, where=wanted, bare=True))
        return int(self._database.read("session_count", where=wanted, high=query.get("high")))

    def update(
        self,
        session_id: str,
        changes: SessionChanges,
        *,
        owner: str | None,
        now: datetime,
        expected_version: int | None = None,
    ) -> Session:
        fields, cleared = changed_values(changes.given())
        try:
            row = self._database.write(
                "session_update",
                id=session_id,
                owner=owner,
                fields=fields,
                cleared=cleared,
                now=stamp(now),
                expected=expected_version,
            )
        except Refusal as refusal:
            if refusal.code == "version":
                raise other_version(session_id, refusal.details[0], expected_version) from None
            raise SessionNotFound(session_id) from None
        return session_of(row)

    def delete(self, session_id: str, *, owner: str | None) -> bool:
        return bool(self._database.write("session_delete", id=session_id, owner=owner))

    def delete_oldest(self, where: SessionFilter, *, limit: int) -> int:
        query = bounds(newest=False, before=where.updated_before)
        matches = self._filter(where)

        def keep(row: Row) -> bool:
            if matches is not None and not matches(row):
                return False
            return where.updated_before is None or not self._database.read("session_is_busy", id=text_of(row[0]))

        paging = Paging(limit=limit)
        rows = collect(self._database, "session_list", paging, query, keep=keep, where=_wanted(where))[:limit]
        # One that had activity since then stays.
        found = [[text_of(row[0]), text_of(row[-2])] for row in rows]
        return int(self._database.write("session_delete_all", sessions=found)) if found else 0

    def put_summary(self, session_id: str, summary: Summary, *, owner: str | None) -> None:
        text = dumps([summary.content, summary.run_count, summary.total_tokens, stamp(summary.created_at)])
        try:
            self._database.write("summary_put", id=session_id, owner=owner, summary=text)
        except Refusal:
            raise SessionNotFound(session_id) from None

    def get_summary(self, session_id: str, *, owner: str | None) -> Summary | None:
        try:
            (text,) = self._database.read("summary_get", id=session_id, owner=owner)
        except Refusal:
            raise SessionNotFound(session_id) from None
        if text is None:
            return None
        content, run_count, total_tokens, created = loads(text_of(text))
        return Summary(
            content=content, run_count=run_count, total_tokens=total_tokens, created_at=time_of(created.encode())
        )

    def _rows(self, where: SessionFilter, paging: Paging, query: dict[str, Any]) -> Sequence[Any]:
        keep = self._filter(where)
        return collect(self._database, "session_list", paging, query, keep=keep, where=_wanted(where))

    def _filter(self, where: SessionFilter) -> Callable[[Row], bool] | None:
        """Return what looks at the names and messages of sessions, of which there is no index."""
        part, phrases = where.name_contains, where.said
        if part is None and phrases is None:
            return None

        def keep(row: Row) -> bool:
            name = session_of(row).name
            named = part is None or (name is not None and folded(part) in folded(name))
            return named and (phrases is None or self._is_said(text_of(row[0]), phrases))

        return keep

    def _is_said(self, session_id: str, phrases: Sequence[str]) -> bool:
        start = 0
        while True:
            values = self._database.read("texts", id=session_id, start=start, limit=_TEXTS)
            for value in values:
                message = message_at(value)
                if message.role in ("user", "assistant"):
                    words = words_of(message.content)
                    if all(has_phrase(words, phrase) for phrase in phrases):
                        return True
            if len(values) < _TEXTS:
                return False
            start += _TEXTS


def _wanted(where: SessionFilter) -> dict[str, str]:
    given = where.given()
    return {name: given[name] for name in _FIELDS if name in given}


def _place(session: Session) -> Cursor:
    return Cursor(session.updated_at, session.id)
