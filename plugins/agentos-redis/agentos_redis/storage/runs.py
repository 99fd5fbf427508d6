"""Runs in Redis: how they are looked up, asked to stop and deleted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from agentos.backends import (
    Backlog,
    Cursor,
    Deleted,
    Page,
    Paging,
    Run,
    RunFilter,
    StoredRequest,
    page_of,
)
from agentos_redis.storage.admission import RedisAdmission
from agentos_redis.storage.claims import RedisClaims
from agentos_redis.storage.endings import RedisEndings
from agentos_redis.storage.paging import bounds, collect
from agentos_redis.storage.pauses import RedisPauses
from agentos_redis.storage.run_rows import request_at, run_of
from agentos_redis.storage.values import stamp, text_of, time_of, time_or_none

_FIELDS = {
    "owner": "owner",
    "session_id": "session",
    "agent_id": "agent",
    "status": "status",
    "parent_run_id": "parent",
}


class RedisRunStore(RedisAdmission, RedisClaims, RedisPauses, RedisEndings):
    """Runs by id and by time. What happens to a run in its life is in the modules of the classes above."""

    def get(self, run_id: str, *, owner: str | None) -> Run | None:
        row = self._database.read("run_get", id=run_id, owner=owner)
        return None if row is None else run_of(row)

    def request(self, run_id: str, *, owner: str | None) -> StoredRequest | None:
        row = self._database.read("run_request", id=run_id, owner=owner)
        return None if row is None else request_at(row) or StoredRequest()

    def list(self, where: RunFilter, paging: Paging) -> Page[Run]:
        wanted = {field: str(value) for name, field in _FIELDS.items() if (value := getattr(where, name)) is not None}
        query = bounds(after=paging.cursor, since=where.since, before=where.until)
        rows = collect(self._database, "run_list", paging, query, where=wanted)
        return page_of(list(map(run_of, rows)), paging, place=_place, convert=lambda kept: kept)

    # --- stopping --------------------------------------------------------------------------------------------------

    def request_cancel(self, run_id: str, *, owner: str | None, forget: bool = False) -> Run | None:
        row = self._database.write("run_cancel", id=run_id, owner=owner, forget=forget)
        return None if row is None else run_of(row)

    def request_cancel_of_owner(self, data_owner: str, *, user_id: str | None = None) -> Sequence[Run]:
        rows = self._database.write("run_cancel_of_owner", data_owner=data_owner, user=user_id)
        return list(map(run_of, rows))

    # --- for those who watch ----------------------------------------------------------------------------------------

    def backlog(self) -> Backlog | None:
        queued, oldest_queued, paused, oldest_approval = self._database.read("backlog")
        return Backlog(
            queued=queued,
            oldest_queued_at=time_or_none(oldest_queued),
            paused=paused,
            oldest_approval_at=time_or_none(oldest_approval),
        )

    # --- deleting --------------------------------------------------------------------------------------------------

    def delete(self, run_id: str, *, owner: str | None) -> Run | None:
        row = self._database.write("run_delete", id=run_id, owner=owner)
        return None if row is None else run_of(row)

    def delete_old(
        self, *, ended_before: datetime, after: Cursor | None = None, limit: int
    ) -> tuple[int, Cursor | None]:
        query = {**bounds(after=after, newest=False, before=ended_before), "limit": limit}
        count, place = self._database.write("run_delete_old", query=query, before=stamp(ended_before))
        return count, _cursor(place)

    def delete_of_owner(
        self, data_owner: str, *, user_id: str | None = None, after: Cursor | None = None, limit: int
    ) -> tuple[Deleted, Cursor | None]:
        query = {**bounds(after=after, newest=False), "limit": limit}
        count, attachments, place = self._database.write(
            "run_delete_of_owner", query=query, data_owner=data_owner, user=user_id
        )
        return Deleted(runs=count, attachments=attachments), _cursor(place)


def _place(run: Run) -> Cursor:
    return Cursor(run.created_at, run.id)


def _cursor(place: bytes | None) -> Cursor | None:
    return None if place is None else Cursor(time_of(place[:16]), text_of(place[17:]))
