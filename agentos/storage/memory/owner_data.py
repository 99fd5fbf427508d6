"""All runs of an owner, asked to stop and deleted, in memory."""

from __future__ import annotations

from collections.abc import Sequence

from agentos.storage.memory.paging import oldest_runs
from agentos.storage.memory.records import MemoryStore, RunRecord
from agentos.storage.paging import Cursor
from agentos.storage.runs import Deleted, RunStore


class MemoryOwnerData(MemoryStore, RunStore):
    """The runs of one owner."""

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
