"""Runs in memory: how they are looked up, asked to stop and deleted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from agentos.domain.activity import Backlog
from agentos.domain.pending import PendingKind
from agentos.domain.run import Run, RunStatus
from agentos.domain.stored_request import StoredRequest
from agentos.storage.memory.admission import MemoryAdmission
from agentos.storage.memory.claims import MemoryClaims
from agentos.storage.memory.endings import MemoryEndings
from agentos.storage.memory.paging import matching, page
from agentos.storage.memory.pauses import MemoryPauses
from agentos.storage.memory.run_rows import RunRow, listed_copy
from agentos.storage.paging import Cursor, Page, Paging, next_place
from agentos.storage.runs import Deleted, RunFilter


class MemoryRunStore(MemoryAdmission, MemoryClaims, MemoryPauses, MemoryEndings):
    """Runs by id and by time. What happens to a run in its life is in the modules of the classes above."""

    def get(self, run_id: str, *, owner: str | None) -> Run | None:
        with self._lock:
            row = self._rows.find_run(run_id, owner)
            return None if row is None else row.shown()

    def request(self, run_id: str, *, owner: str | None) -> StoredRequest | None:
        with self._lock:
            row = self._rows.find_run(run_id, owner)
            return None if row is None else row.request or StoredRequest()

    def list(self, where: RunFilter, paging: Paging) -> Page[Run]:
        with self._lock:
            wanted = where.given()
            since, until = wanted.pop("since", None), wanted.pop("until", None)
            found = [
                run
                for run in matching((row.run for row in self._rows.runs.values()), wanted)
                if (since is None or run.created_at >= since) and (until is None or run.created_at < until)
            ]
            return page(found, paging, place=_place, copy=listed_copy)

    # --- stopping --------------------------------------------------------------------------------------------------

    def request_cancel(self, run_id: str, *, owner: str | None, forget: bool = False) -> Run | None:
        with self._lock:
            row = self._rows.find_run(run_id, owner)
            if row is None:
                return None
            if row.unfinished:
                row.ask_to_stop(forget=forget)
            return row.shown()

    def request_cancel_of_owner(self, data_owner: str, *, user_id: str | None = None) -> Sequence[Run]:
        with self._lock:
            asked = [one for one in self._owned(data_owner) if one.unfinished and self._is_of_user(one, user_id)]
            for row in asked:
                row.ask_to_stop(forget=False)
            return [row.shown() for row in asked]

    # --- for those who watch ----------------------------------------------------------------------------------------

    def backlog(self) -> Backlog | None:
        with self._lock:
            rows = list(self._rows.runs.values())
            queued = [row.run.created_at for row in rows if row.run.status is RunStatus.QUEUED]
            waiting = [
                action.created_at
                for row in rows
                if row.paused
                for action in row.actions
                if action.kind is PendingKind.APPROVAL and action.answer is None
            ]
            return Backlog(
                queued=len(queued),
                oldest_queued_at=min(queued, default=None),
                paused=sum(row.paused for row in rows),
                oldest_approval_at=min(waiting, default=None),
            )

    # --- deleting --------------------------------------------------------------------------------------------------

    def delete(self, run_id: str, *, owner: str | None) -> Run | None:
        with self._lock:
            row = self._rows.find_run(run_id, owner)
            if row is None:
                return None
            as_it_was = row.shown()
            if row.paused or not row.unfinished:
                self._rows.delete_run(row)
            return as_it_was

    def delete_old(
        self, *, ended_before: datetime, after: Cursor | None = None, limit: int
    ) -> tuple[int, Cursor | None]:
        with self._lock:
            made = [one for one in self._rows.runs.values() if one.run.created_at < ended_before]
            looked_at, following = _oldest(made, after=after, limit=limit)
            deleted = [
                one
                for one in looked_at
                if one.run.session_id is None and one.run.ended_at is not None and one.run.ended_at < ended_before
            ]
            for row in deleted:
                self._rows.delete_run(row)
            return len(deleted), following

    def delete_of_owner(
        self, data_owner: str, *, user_id: str | None = None, after: Cursor | None = None, limit: int
    ) -> tuple[Deleted, Cursor | None]:
        with self._lock:
            looked_at, following = _oldest(self._owned(data_owner), after=after, limit=limit)
            attachments = len(self._rows.attachments)
            deleted = [row for row in looked_at if self._is_of_user(row, user_id)]
            for row in deleted:
                self._rows.delete_run(row)
            count = Deleted(runs=len(deleted), attachments=attachments - len(self._rows.attachments))
            return count, following

    def _owned(self, owner: str) -> Sequence[RunRow]:
        return [row for row in self._rows.runs.values() if row.run.owner == owner]

    def _is_of_user(self, row: RunRow, user_id: str | None) -> bool:
        run = row.run
        session = None if run.session_id is None else self._rows.sessions[run.session_id].session
        return user_id is None or user_id in (run.user_id, None if session is None else session.user_id)


def _place(run: Run) -> Cursor:
    return Cursor(run.created_at, run.id)


def _oldest(rows: Iterable[RunRow], *, after: Cursor | None, limit: int) -> tuple[Sequence[RunRow], Cursor | None]:
    """Return up to ``limit`` runs after a place, oldest first, and the place to continue at."""
    ordered = sorted(rows, key=lambda row: _place(row.run))
    found = [one for one in ordered if after is None or _place(one.run) > after][:limit]
    return found, next_place(found, limit, place=lambda row: _place(row.run))
