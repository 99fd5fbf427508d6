"""Accepting runs into memory: their place in their session's queue, and what a quota allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agentos.domain.message import Message
from agentos.domain.run import BusyPolicy, Run, RunStatus
from agentos.errors import SessionBusy, StorageError
from agentos.storage.admission import Admission, Lease, Quota
from agentos.storage.attachments import media_of, read_in_run
from agentos.storage.idempotency import IdempotencyKey, Replay
from agentos.storage.memory.idempotency import find_key, keep_key
from agentos.storage.memory.rows import MemoryStore, SessionRow
from agentos.storage.memory.run_rows import RunRow, message_copy, run_copy
from agentos.storage.run_requests import messages_text, request_of, request_text
from agentos.storage.runs import CLAIM_WITHIN, RunStore


class MemoryAdmission(MemoryStore, RunStore):
    """Gives runs their place."""

    def admit(
        self,
        run: Run,
        *,
        claim: Lease | None,
        owner: str | None,
        history_turns: int,
        concurrency: BusyPolicy = BusyPolicy.ENQUEUE,
        idempotency: IdempotencyKey | None = None,
        quota: Quota = Quota(),  # noqa: B008 - frozen
        claim_within: float = CLAIM_WITHIN,
    ) -> Admission | Replay:
        run, new = read_in_run(run)
        with self._lock:
            replay = find_key(self._rows, idempotency)
            if replay is not None:
                return replay
            if run.id in self._rows.runs:
                raise StorageError(f"run {run.id!r} is already there")
            session = None if run.session_id is None else self._rows.session(run.session_id, owner)
            new_owner = run.owner if session is None else session.session.owner
            self._check_quota(quota, new_owner, claimed=claim is not None)
            older = [] if session is None else [one for one in session.runs if one.unfinished]
            stopped = _apply_busy_policy(older, concurrency)
            # From here on nothing fails.
            for one in stopped:
                one.ask_to_stop(forget=concurrency is BusyPolicy.ROLLBACK)
            running = claim is not None and not older
            kept = replace(
                run_copy(run),
                owner=new_owner,
                position=None if session is None else session.position + 1,
                attempt=0 if claim is None else 1,
                crashes=0,
                status=RunStatus.RUNNING if running else RunStatus.QUEUED,
                pending=(),
                started_at=run.created_at if running else None,
                ended_at=None,
            )
            added = RunRow(kept, request_of(request_text(run.request), messages_text(run.request)))
            if claim is None:
                added.offer(claim_within)
            else:
                added.lease(claim)
            self._rows.runs[run.id] = added
            added.digests |= self._rows.keep_attachments(new_owner, media_of(run), new)
            keep_key(self._rows, idempotency, run.id)
            given = replace(added.shown(), media=run.media, request=run.request, request_id=run.request_id)
            if session is None:
                return Admission(given)
            session.runs.append(added)
            session.position += 1
            active = max(session.session.updated_at, run.created_at)
            session.session = replace(session.session, updated_at=active)
            window = self._window(session, history_turns) if running else None
            return Admission(given, window, tuple(one.shown() for one in stopped))

    def window(self, session_id: str, *, turns: int) -> Sequence[Message]:
        with self._lock:
            session = self._rows.sessions.get(session_id)
            return () if session is None else self._window(session, turns)

    def _window(self, session: SessionRow, turns: int) -> tuple[Message, ...]:
        """Return the messages of the last turns."""
        window: list[Message] = []
        for row in reversed(session.messages):
            if row.turn <= session.turn - turns:
                break
            window.append(message_copy(row.stored.message))
        return tuple(reversed(window))

    def _check_quota(self, quota: Quota, owner: str, *, claimed: bool) -> None:
        if quota == Quota():
            return
        runs = self._rows.runs.values()
        owners = [one.run.owner for one in runs if one.under_way]
        unclaimed = 0 if claimed else sum(one.unclaimed for one in runs)
        if claimed:
            quota = replace(quota, unclaimed=None)
        quota.check(of_owner=owners.count(owner), of_all=len(owners), unclaimed=unclaimed)


def _apply_busy_policy(older: Sequence[RunRow], concurrency: BusyPolicy) -> Sequence[RunRow]:
    """Return which of a session's unfinished runs the new one stops. Raises :class:`~agentos.errors.SessionBusy`."""
    if concurrency in (BusyPolicy.INTERRUPT, BusyPolicy.ROLLBACK):
        return older
    if concurrency is BusyPolicy.REJECT:
        check_idle(older)
    for one in older:
        if one.in_the_way:
            raise busy_with(one)
    return ()


def check_idle(unfinished: Sequence[RunRow]) -> None:
    """Raise :class:`~agentos.errors.SessionBusy` if a session has runs that have not ended."""
    for one in unfinished:
        if one.in_the_way:
            raise busy_with(one)
    if unfinished:
        raise SessionBusy(str(unfinished[0].run.session_id))


def busy_with(paused: RunRow) -> SessionBusy:
    """Return the error that names what a paused run of a session waits for."""
    pending = [action.id for action in paused.pending]
    return SessionBusy(str(paused.run.session_id), run_id=paused.run.id, pending=pending)
