"""Accepting runs, and the order in which a session's runs are executed, in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from agentos.domain.message import Message
from agentos.domain.run import Concurrency, Run, RunStatus
from agentos.errors import RunNotFound, SessionBusy, SessionNotFound, StorageError
from agentos.storage.attachments import read_in
from agentos.storage.memory.records import MemoryPart, RunRecord, SessionRecord, message_copy, run_copy
from agentos.storage.values import Admission, IdempotencyKey, Lease, Quota, Repeat


class MemoryAdmission(MemoryPart):
    """Gives runs their place, and lets them start in order."""

    def find_repeat(self, idempotency: IdempotencyKey) -> Repeat | None:
        with self._lock:
            return self._keys.find(idempotency)

    def admit_run(
        self,
        run: Run,
        lease: Lease,
        *,
        owner: str | None,
        history_turns: int,
        concurrency: Concurrency = Concurrency.ENQUEUE,
        hold: bool = False,
        idempotency: IdempotencyKey | None = None,
        quota: Quota = Quota(),  # noqa: B008 - frozen
    ) -> Admission | Repeat:
        media, new = read_in(run.media)
        with self._lock:
            repeat = self._keys.find(idempotency)
            if repeat is not None:
                return repeat
            if run.id in self._runs:
                raise StorageError(f"run {run.id!r} is already there")
            record = None if run.session_id is None else self._find_session(run.session_id, owner)
            if run.session_id is not None and record is None:
                raise SessionNotFound(run.session_id)
            new_owner = run.owner if record is None else record.session.owner
            self._check(quota, new_owner)
            older = [] if record is None else [one for one in record.runs if one.open()]
            if record is not None and older and concurrency is Concurrency.REJECT:
                raise SessionBusy(record.session.id)
            # From here on nothing fails.
            stopped = older if concurrency in (Concurrency.INTERRUPT, Concurrency.ROLLBACK) else []
            for one in stopped:
                one.ask_to_stop(forget=concurrency is Concurrency.ROLLBACK)
            queued = hold or bool(older)
            kept = replace(
                run_copy(replace(run, media=media)),
                owner=new_owner,
                position=None if record is None else record.position + 1,
                status=RunStatus.QUEUED if queued else RunStatus.RUNNING,
                started_at=None if queued else run.created_at,
                ended_at=None,
            )
            added = RunRecord(kept, lease.owner, 0.0)
            added.lease(lease)
            self._runs[run.id] = added
            self._keep(added, media, new)
            given = replace(run_copy(kept), media=media)
            self._keys.keep(idempotency, run.id)
            if record is None:
                return Admission(given)
            record.runs.append(added)
            record.position += 1
            active = max(record.session.updated_at, run.created_at)
            record.session = replace(record.session, updated_at=active)
            window = () if queued else self._window(record, history_turns)
            return Admission(given, window, tuple(one.run.id for one in stopped))

    def claim_turn(self, run: Run, *, history_turns: int, now: datetime) -> Admission | None:
        with self._lock:
            mine = self._mine(run)
            if mine is None:
                raise RunNotFound(run.id)
            if mine.cancel_requested:
                return None
            record = None if run.session_id is None else self._sessions[run.session_id]
            if record is not None and any(one.open() for one in record.runs if _position(one) < _position(mine)):
                return None
            mine.run = replace(mine.run, status=RunStatus.RUNNING, started_at=now)
            claimed = replace(run_copy(mine.run), media=run.media)
            return Admission(claimed, () if record is None else self._window(record, history_turns))

    def _check(self, quota: Quota, owner: str) -> None:
        """Raise :class:`~agentos.errors.RateLimited` unless there is room for one more run of an owner."""
        if quota.limited:
            owners = [one.run.owner for one in self._runs.values() if one.open()]
            quota.check(of_owner=owners.count(owner), of_all=len(owners))

    def _window(self, record: SessionRecord, turns: int) -> tuple[Message, ...]:
        """Return the messages of the last turns."""
        window: list[Message] = []
        for stored in reversed(record.messages):
            if (self._runs[stored.run_id].turn or 0) <= record.turn - turns:
                break
            window.append(message_copy(stored.message))
        return tuple(reversed(window))


def _position(record: RunRecord) -> int:
    return record.run.position or 0
