"""Runs in memory: how they are looked up, stopped, leased to workers, ended and deleted."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence, Set
from dataclasses import replace
from datetime import datetime

from agentos.domain.event import Frame
from agentos.domain.message import Message
from agentos.domain.run import Run
from agentos.domain.session_state import StateChange
from agentos.storage.admission import Lease
from agentos.storage.attachments import read_in_messages
from agentos.storage.events import check_consecutive
from agentos.storage.history import StoredMessage
from agentos.storage.json_text import copied
from agentos.storage.memory.admission import MemoryAdmission
from agentos.storage.memory.paging import matching, page
from agentos.storage.memory.rows import RunRow, SessionRow, listed_copy, message_copy, run_copy
from agentos.storage.paging import Cursor, Page, Paging, next_place
from agentos.storage.runs import Deleted, RunFilter, ended_at, said_at

_OUTCOME = (
    *("status", "content", "reasoning", "error", "model", "finish_reason"),
    *("usage", "loops", "steps", "metadata", "ended_at"),
)
"""What the end of a run sets."""


class MemoryRunStore(MemoryAdmission):
    """Runs by id and by time."""

    def finish(
        self,
        run: Run,
        *,
        messages: Sequence[Message] = (),
        frames: Sequence[Frame] = (),
        state: StateChange | None = None,
    ) -> bool:
        end = replace(run_copy(run), ended_at=ended_at(run))
        check_consecutive(run.id, frames)
        messages, new = read_in_messages(messages)
        with self._lock:
            mine = self._rows.find_attempt(run)
            if mine is None:
                return False
            if state is not None and run.session_id is not None and not mine.forget_requested:
                _set_state(self._rows.sessions[run.session_id], state)
            mine.run = replace(mine.run, **{name: getattr(end, name) for name in _OUTCOME})
            mine.append(frames)
            if run.session_id is not None:
                kept = () if mine.forget_requested else messages
                self._rows.keep_attachments(mine, (media for message in kept for media in message.media), new)
                _count(self._rows.sessions[run.session_id], mine, kept)
            return True

    def get(self, run_id: str, *, owner: str | None) -> Run | None:
        with self._lock:
            row = self._rows.find_run(run_id, owner)
            return None if row is None else run_copy(row.run)

    def list(self, where: RunFilter, paging: Paging) -> Page[Run]:
        with self._lock:
            found = matching((row.run for row in self._rows.runs.values()), where.given())
            return page(found, paging, place=_place, copy=listed_copy)

    # --- stopping --------------------------------------------------------------------------------------------------

    def request_cancel(self, run_id: str, *, owner: str | None, forget: bool = False) -> Run | None:
        with self._lock:
            row = self._rows.find_run(run_id, owner)
            if row is None:
                return None
            if row.unfinished:
                row.ask_to_stop(forget=forget)
            return run_copy(row.run)

    def request_cancel_of_owner(self, data_owner: str, *, user_id: str | None = None) -> Sequence[str]:
        with self._lock:
            asked = [one for one in self._owned(data_owner) if one.unfinished and self._is_of_user(one, user_id)]
            for row in asked:
                row.ask_to_stop(forget=False)
            return [row.run.id for row in asked]

    # --- what a worker asks about its own runs -----------------------------------------------------------------------

    def cancel_requests(self, worker_id: str) -> Sequence[str]:
        with self._lock:
            return [row.run.id for row in self._leased(worker_id) if row.cancel_requested]

    def leased(self, worker_id: str) -> Set[str]:
        with self._lock:
            return {row.run.id for row in self._leased(worker_id)}

    def renew_leases(self, lease: Lease) -> Sequence[str]:
        with self._lock:
            own = self._leased(lease.worker_id)
            for row in own:
                row.lease(lease)
            return [row.run.id for row in own]

    def take_lost(self, lease: Lease, *, limit: int) -> Sequence[Run]:
        with self._lock:
            now = time.monotonic()
            lost = [one for one in self._rows.runs.values() if one.unfinished and one.lease_until < now]
            taken, _ = _oldest(lost, after=None, limit=limit)
            for row in taken:
                row.run = replace(row.run, attempt=row.run.attempt + 1)
                row.lease(lease)
            return [replace(listed_copy(row.run), request=row.request) for row in taken]

    def _leased(self, worker_id: str) -> Sequence[RunRow]:
        return [one for one in self._rows.runs.values() if one.unfinished and one.worker_id == worker_id]

    # --- deleting --------------------------------------------------------------------------------------------------

    def delete(self, run_id: str, *, owner: str | None) -> Run | None:
        with self._lock:
            row = self._rows.find_run(run_id, owner)
            if row is None:
                return None
            if not row.unfinished:
                self._rows.delete_run(row)
            return run_copy(row.run)

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


def _oldest(
    rows: Iterable[RunRow], *, after: Cursor | None, limit: int
) -> tuple[Sequence[RunRow], Cursor | None]:
    """Return up to ``limit`` runs after a place, oldest first, and the place to continue at."""
    ordered = sorted(rows, key=lambda row: _place(row.run))
    found = [one for one in ordered if after is None or _place(one.run) > after][:limit]
    return found, next_place(found, limit, place=lambda row: _place(row.run))


def _set_state(row: SessionRow, change: StateChange) -> None:
    session = row.session
    outcome = copied(change.outcome(session.version, session.state))
    row.session = replace(session, state=outcome, version=session.version + 1)


def _count(row: SessionRow, ended: RunRow, messages: Sequence[Message]) -> None:
    """Add an ended run, and the turn that it left, to its session."""
    session = row.session
    used = session.total_tokens + ended.run.usage.total_tokens
    row.session = replace(session, run_count=session.run_count + 1, total_tokens=used)
    if not messages:
        return
    row.turn += 1
    ended.turn = row.turn
    for sequence, message in enumerate(messages, row.sequence + 1):
        row.messages.append(
            StoredMessage(
                sequence=sequence,
                run_id=ended.run.id,
                created_at=said_at(ended.run, message),
                message=message_copy(message),
            )
        )
    row.sequence += len(messages)
