"""Runs in memory from their start to their end: their leases, their event logs, requests to stop them."""

from __future__ import annotations

import time
from collections.abc import Sequence, Set
from dataclasses import replace

from agentos.domain.event import Frame
from agentos.domain.message import Message
from agentos.domain.run import Run
from agentos.storage.attachments import digest_of, read_in_messages
from agentos.storage.memory.records import MemoryPart, RunRecord, SessionRecord, message_copy, page, run_copy
from agentos.storage.turn import check_consecutive, ending, said_at
from agentos.storage.values import (
    Cursor,
    FrameBatch,
    Lease,
    Page,
    Paging,
    RunFilter,
    StoredMessage,
)


class MemoryRuns(MemoryPart):
    """Admitted runs."""

    def finish_run(self, run: Run, *, messages: Sequence[Message] = (), frames: Sequence[Frame] = ()) -> bool:
        ended_at = ending(run)
        if frames:
            check_consecutive(run.id, frames)
        messages, new = read_in_messages(messages)
        with self._lock:
            mine = self._mine(run)
            if mine is None:
                return False
            end = run_copy(run)
            mine.run = replace(
                mine.run,
                status=end.status,
                content=end.content,
                reasoning=end.reasoning,
                error=end.error,
                model=end.model,
                finish_reason=end.finish_reason,
                usage=end.usage,
                loops=end.loops,
                metadata=end.metadata,
                ended_at=ended_at,
            )
            _append(mine, frames)
            if run.session_id is not None:
                kept = () if mine.forget_requested else messages
                self._keep(mine, (media for message in kept for media in message.media), new)
                self._count(self._sessions[run.session_id], mine, kept)
            return True

    def _count(self, record: SessionRecord, ended: RunRecord, messages: Sequence[Message]) -> None:
        """Add an ended run, and the turn that it left, to its session."""
        session = record.session
        used = session.total_tokens + ended.run.usage.total_tokens
        record.session = replace(session, run_count=session.run_count + 1, total_tokens=used)
        if not messages:
            return
        record.turn += 1
        ended.turn = record.turn
        for sequence, message in enumerate(messages, record.sequence + 1):
            record.messages.append(
                StoredMessage(
                    sequence=sequence,
                    run_id=ended.run.id,
                    created_at=said_at(ended.run, message),
                    message=message_copy(message),
                )
            )
        record.sequence += len(messages)

    def read_attachment(self, reference: str, *, owner: str | None) -> bytes | None:
        digest = digest_of(reference)
        with self._lock:
            found = [
                attachment
                for (its_owner, its_digest), attachment in self._attachments.items()
                if its_digest == digest and owner in (None, its_owner)
            ]
        return b"".join(found[0].pieces) if found else None

    def get_run(self, run_id: str, *, owner: str | None) -> Run | None:
        with self._lock:
            record = self._find_run(run_id, owner)
            return None if record is None else run_copy(record.run)

    def list_runs(self, where: RunFilter, paging: Paging) -> Page[Run]:
        wanted = {name: value for name in where.__slots__ if (value := getattr(where, name)) is not None}
        with self._lock:
            matching = [
                (Cursor(record.run.created_at, record.run.id), record.run)
                for record in self._runs.values()
                if all(getattr(record.run, name) == value for name, value in wanted.items())
            ]
            found = page(matching, paging)
            return Page([run_copy(one) for one in found.items], found.next_cursor)

    def renew_leases(self, lease: Lease) -> Sequence[str]:
        with self._lock:
            own = [record for record in self._runs.values() if record.lease_owner == lease.owner and record.open()]
            for record in own:
                record.lease(lease)
            return [record.run.id for record in own]

    def take_lost_runs(self, lease: Lease, *, limit: int) -> Sequence[Run]:
        with self._lock:
            now = time.monotonic()
            lost = [record for record in self._runs.values() if record.open() and record.lease_until < now]
            lost.sort(key=lambda record: (record.run.created_at, record.run.id))
            for record in lost[:limit]:
                record.run = replace(record.run, attempt=record.run.attempt + 1)
                record.lease(lease)
            return [run_copy(record.run) for record in lost[:limit]]

    def append_frames(self, batches: Sequence[FrameBatch]) -> Set[str]:
        for batch in batches:
            if batch.frames:
                check_consecutive(batch.run_id, batch.frames)
        left_out = set()
        with self._lock:
            for batch in batches:
                record = self._runs.get(batch.run_id)
                if record is not None and record.open() and batch.attempt in (None, record.run.attempt):
                    _append(record, batch.frames)
                else:
                    left_out.add(batch.run_id)
        return left_out

    def read_frames(self, run_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Frame]:
        with self._lock:
            record = self._runs.get(run_id)
            frames = [] if record is None else record.frames
            start = after - frames[0].number + 1 if frames else 0  # numbers have no gaps
            return frames[max(0, start) : max(0, start + limit)]

    def request_cancel(self, run_id: str, *, owner: str | None, forget: bool = False) -> Run | None:
        with self._lock:
            record = self._find_run(run_id, owner)
            if record is None:
                return None
            if record.open():
                record.ask_to_stop(forget=forget)
            return run_copy(record.run)

    def cancel_requests(self, lease_owner: str) -> Sequence[str]:
        with self._lock:
            asked = [one for one in self._runs.values() if one.cancel_requested and one.open()]
            return [one.run.id for one in asked if one.lease_owner == lease_owner]

    def leased_runs(self, lease_owner: str) -> Set[str]:
        with self._lock:
            return {one.run.id for one in self._runs.values() if one.open() and one.lease_owner == lease_owner}


def _append(record: RunRecord, frames: Sequence[Frame]) -> None:
    """Append what the log does not hold yet; a batch may come a second time."""
    last = record.frames[-1].number if record.frames else 0
    record.frames.extend(frame for frame in frames if frame.number > last)
