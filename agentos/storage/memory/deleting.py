"""Deleting runs, one by one or all of an owner, in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from agentos.domain.run import Run
from agentos.storage.memory.records import MemoryPart, RunRecord, run_copy
from agentos.storage.values import Cursor, Deleted


class MemoryDeleting(MemoryPart):
    """Runs that are deleted without their session."""

    def delete_run(self, run_id: str, *, owner: str | None) -> Run | None:
        with self._lock:
            record = self._find_run(run_id, owner)
            if record is None:
                return None
            if not record.open():
                self._delete(record)
            return run_copy(record.run)

    def delete_runs(
        self, *, ended_before: datetime, after: Cursor | None = None, limit: int
    ) -> tuple[int, Cursor | None]:
        with self._lock:
            place = None if after is None else (after.time, after.id)
            made = sorted((one for one in self._runs.values() if one.run.created_at < ended_before), key=_place)
            looked_at = [one for one in made if place is None or _place(one) > place][:limit]
            deleted = [
                one
                for one in looked_at
                if one.run.session_id is None and one.run.ended_at is not None and one.run.ended_at < ended_before
            ]
            for record in deleted:
                self._delete(record)
            return len(deleted), Cursor(*_place(looked_at[-1])) if len(looked_at) == limit else None

    def cancel_runs(self, data_owner: str, *, user_id: str | None = None) -> Sequence[str]:
        with self._lock:
            is_theirs = self._belongs(data_owner, user_id)
            asked = [record for record in self._runs.values() if record.open() and is_theirs(record)]
            for record in asked:
                record.ask_to_stop(forget=False)
            return [record.run.id for record in asked]

    def delete_owner_runs(
        self, data_owner: str, *, user_id: str | None = None, after: Cursor | None = None, limit: int
    ) -> tuple[Deleted, Cursor | None]:
        with self._lock:
            place = None if after is None else (after.time, after.id)
            theirs = sorted((one for one in self._runs.values() if one.run.owner == data_owner), key=_place)
            looked_at = [one for one in theirs if place is None or _place(one) > place][:limit]
            is_theirs = self._belongs(data_owner, user_id)
            attachments = len(self._attachments)
            deleted = [record for record in looked_at if is_theirs(record)]
            for record in deleted:
                self._delete(record)
            count = Deleted(runs=len(deleted), attachments=attachments - len(self._attachments))
            return count, Cursor(*_place(looked_at[-1])) if len(looked_at) == limit else None

    def _belongs(self, owner: str, user_id: str | None) -> Callable[[RunRecord], bool]:
        def belongs(record: RunRecord) -> bool:
            run = record.run
            if run.owner != owner or user_id is None:
                return run.owner == owner
            session = None if run.session_id is None else self._sessions[run.session_id].session
            return user_id in (run.user_id, None if session is None else session.user_id)

        return belongs

    def _delete(self, record: RunRecord) -> None:
        """Delete a run, and take it out of its session."""
        self._drop(record)
        if record.run.session_id is None:
            return
        session = self._sessions[record.run.session_id]
        session.runs = [one for one in session.runs if one is not record]
        if not record.open():
            session.session = replace(
                session.session,
                run_count=session.session.run_count - 1,
                total_tokens=session.session.total_tokens - record.run.usage.total_tokens,
            )
        if record.turn is not None:
            session.messages[:] = [one for one in session.messages if one.run_id != record.run.id]
            session.turn = max((one.turn or 0 for one in session.runs), default=0)
            session.summary = None


def _place(record: RunRecord) -> tuple[datetime, str]:
    return record.run.created_at, record.run.id
