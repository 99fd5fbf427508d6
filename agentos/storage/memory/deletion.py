"""Deleting runs without their session, one by one or all of an owner, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from agentos.domain.run import Run
from agentos.storage.memory.paging import oldest_runs
from agentos.storage.memory.records import MemoryStore, RunRecord, run_copy
from agentos.storage.paging import Cursor
from agentos.storage.runs import Deleted, RunStore


class MemoryDeletion(MemoryStore, RunStore):
    """Runs that are deleted alone, as they are old, or with all that their owner has."""

    def delete(self, run_id: str, *, owner: str | None) -> Run | None:
        with self._lock:
            record = self._records.find_run(run_id, owner)
            if record is None:
                return None
            if not record.unfinished:
                self._records.delete_run(record)
            return run_copy(record.run)

    def delete_old(
        self, *, ended_before: datetime, after: Cursor | None = None, limit: int
    ) -> tuple[int, Cursor | None]:
        with self._lock:
            made = [one for one in self._records.runs.values() if one.run.created_at < ended_before]
            looked_at, following = oldest_runs(made, after=after, limit=limit)
            deleted = [
                one
                for one in looked_at
                if one.run.session_id is None and one.run.ended_at is not None and one.run.ended_at < ended_before
            ]
            for record in deleted:
                self._records.delete_run(record)
            return len(deleted), following

    def request_cancel_of_owner(self, data_owner: str, *, user_id: str | None = None) -> Sequence[str]:
        with self._lock:
            asked = [one for one in self._owned(data_owner) if one.unfinished and self._is_of_user(one, user_id)]
            for record in asked:
                record.ask_to_stop(forget=False)
            return [record.run.id for record in asked]

    def delete_of_owner(
        self, data_owner: str, *, user_id: str | None = None, after: Cursor | None = None, limit: int
    ) -> tuple[Deleted, Cursor | None]:
        with self._lock:
            looked_at, following = oldest_runs(self._owned(data_owner), after=after, limit=limit)
            attachments = len(self._records.attachments)
            deleted = [record for record in looked_at if self._is_of_user(record, user_id)]
            for record in deleted:
                self._records.delete_run(record)
            count = Deleted(runs=len(deleted), attachments=attachments - len(self._records.attachments))
            return count, following

    def _owned(self, owner: str) -> list[RunRecord]:
        return [record for record in self._records.runs.values() if record.run.owner == owner]

    def _is_of_user(self, record: RunRecord, user_id: str | None) -> bool:
        run = record.run
        session = None if run.session_id is None else self._records.sessions[run.session_id].session
        return user_id is None or user_id in (run.user_id, None if session is None else session.user_id)
