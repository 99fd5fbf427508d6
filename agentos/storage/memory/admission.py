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
from agentos.storage.memory.rows import MemoryStore, RunRow, SessionRow, message_copy, run_copy
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
            replay = find_key(self._rows, idempotency)
            if replay is not None:
                return replay
            if run.id in self._rows.runs:
                raise StorageError(f"run {run.id!r} is already there")
            row = None if run.session_id is None else self._rows.session(run.session_id, owner)
            new_owner = run.owner if row is None else row.session.owner
            if quota.limited:
                owners = [one.run.owner for one in self._rows.runs.values() if one.unfinished]
                quota.check(of_owner=owners.count(new_owner), of_all=len(owners))
            older = [] if row is None else [one for one in row.runs if one.unfinished]
            if row is not None and older and concurrency is BusyPolicy.REJECT:
                raise SessionBusy(row.session.id)
            # From here on nothing fails.
            stopped = older if concurrency in (BusyPolicy.INTERRUPT, BusyPolicy.ROLLBACK) else []
            for one in stopped:
                one.ask_to_stop(forget=concurrency is BusyPolicy.ROLLBACK)
            queued = queued or bool(older)
            kept = replace(
                run_copy(run),
                owner=new_owner,
                position=None if row is None else row.position + 1,
                status=RunStatus.QUEUED if queued else RunStatus.RUNNING,
                started_at=None if queued else run.created_at,
                ended_at=None,
            )
            stored = request_of(request_text(run.request), messages_text(run.request))
            added = RunRow(kept, lease.worker_id, 0.0, stored)
            added.lease(lease)
            self._rows.runs[run.id] = added
            self._rows.keep_attachments(added, media_of(run), new)
            given = replace(run_copy(kept), media=run.media, request=run.request)
            keep_key(self._rows, idempotency, run.id)
            if row is None:
                return Admission(given)
            row.runs.append(added)
            row.position += 1
            active = max(row.session.updated_at, run.created_at)
            row.session = replace(row.session, updated_at=active)
            window = () if queued else self._window(row, history_turns)
            return Admission(given, window, tuple(one.run.id for one in stopped))

    def start(self, run: Run, *, history_turns: int, now: datetime) -> Admission | None:
        with self._lock:
            mine = self._rows.find_attempt(run)
            if mine is None:
                raise RunNotFound(run.id)
            if mine.cancel_requested:
                return None
            row = None if run.session_id is None else self._rows.sessions[run.session_id]
            if row is not None and any(one.unfinished for one in row.runs if one.position < mine.position):
                return None
            mine.run = replace(mine.run, status=RunStatus.RUNNING, started_at=now)
            started = replace(run_copy(mine.run), media=run.media, request=run.request)
            return Admission(started, () if row is None else self._window(row, history_turns))

    def _window(self, row: SessionRow, turns: int) -> tuple[Message, ...]:
        """Return the messages of the last turns."""
        window: list[Message] = []
        for stored in reversed(row.messages):
            if (self._rows.runs[stored.run_id].turn or 0) <= row.turn - turns:
                break
            window.append(message_copy(stored.message))
        return tuple(reversed(window))
