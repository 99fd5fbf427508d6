"""Accepting runs, and the order in which a session's runs are executed, in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from agentos.domain.message import Message
from agentos.domain.run import BusyPolicy, Run, RunStatus
from agentos.errors import RunNotFound, SessionBusy, StorageError
from agentos.storage.admission import Admission, Lease, Quota
from agentos.storage.attachments import media_of, read_in_run
from agentos.storage.idempotency import IdempotencyKey, Replay
from agentos.storage.memory.idempotency import find_key, keep_key
from agentos.storage.memory.records import MemoryStore, RunRecord, SessionRecord, message_copy, run_copy
from agentos.storage.run_requests import messages_text, request_of, request_text
from agentos.storage.runs import RunStore


class MemoryAdmission(MemoryStore, RunStore):
    """Gives runs their place, and lets them start in order."""

    def admit(
        self,
        run: Run,
        lease: Lease,
        *,
        owner: str | None,
        history_turns: int,
        concurrency: BusyPolicy = BusyPolicy.ENQUEUE,
        queued: bool = False,
        idempotency: IdempotencyKey | None = None,
        quota: Quota = Quota(),  # noqa: B008 - frozen
    ) -> Admission | Replay:
        run, new = read_in_run(run)
        with self._lock:
            replay = find_key(self._records, idempotency)
            if replay is not None:
                return replay
            if run.id in self._records.runs:
                raise StorageError(f"run {run.id!r} is already there")
            record = None if run.session_id is None else self._records.session(run.session_id, owner)
            new_owner = run.owner if record is None else record.session.owner
            if quota.limited:
                owners = [one.run.owner for one in self._records.runs.values() if one.unfinished]
                quota.check(of_owner=owners.count(new_owner), of_all=len(owners))
            older = [] if record is None else [one for one in record.runs if one.unfinished]
            if record is not None and older and concurrency is BusyPolicy.REJECT:
                raise SessionBusy(record.session.id)
            # From here on nothing fails.
            stopped = older if concurrency in (BusyPolicy.INTERRUPT, BusyPolicy.ROLLBACK) else []
            for one in stopped:
                one.ask_to_stop(forget=concurrency is BusyPolicy.ROLLBACK)
            queued = queued or bool(older)
            kept = replace(
                run_copy(run),
                owner=new_owner,
                position=None if record is None else record.position + 1,
                status=RunStatus.QUEUED if queued else RunStatus.RUNNING,
                started_at=None if queued else run.created_at,
                ended_at=None,
            )
            stored = request_of(request_text(run.request), messages_text(run.request))
            added = RunRecord(kept, lease.worker_id, 0.0, stored)
            added.lease(lease)
            self._records.runs[run.id] = added
            self._records.keep_attachments(added, media_of(run), new)
            given = replace(run_copy(kept), media=run.media, request=run.request)
            keep_key(self._records, idempotency, run.id)
            if record is None:
                return Admission(given)
            record.runs.append(added)
            record.position += 1
            active = max(record.session.updated_at, run.created_at)
            record.session = replace(record.session, updated_at=active)
            window = () if queued else self._window(record, history_turns)
            return Admission(given, window, tuple(one.run.id for one in stopped))

    def start(self, run: Run, *, history_turns: int, now: datetime) -> Admission | None:
        with self._lock:
            mine = self._records.find_attempt(run)
            if mine is None:
                raise RunNotFound(run.id)
            if mine.cancel_requested:
                return None
            record = None if run.session_id is None else self._records.sessions[run.session_id]
            if record is not None and any(one.unfinished for one in record.runs if one.position < mine.position):
                return None
            mine.run = replace(mine.run, status=RunStatus.RUNNING, started_at=now)
            started = replace(run_copy(mine.run), media=run.media, request=run.request)
            return Admission(started, () if record is None else self._window(record, history_turns))

    def _window(self, record: SessionRecord, turns: int) -> tuple[Message, ...]:
        """Return the messages of the last turns."""
        window: list[Message] = []
        for stored in reversed(record.messages):
            if (self._records.runs[stored.run_id].turn or 0) <= record.turn - turns:
                break
            window.append(message_copy(stored.message))
        return tuple(reversed(window))
