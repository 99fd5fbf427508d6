"""Runs in memory that wait for a person or their client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from agentos.domain.checkpoint import Checkpoint
from agentos.domain.event import Frame
from agentos.domain.pending import Answer, PendingAction, PendingKind
from agentos.domain.run import Run, RunStatus
from agentos.errors import RunCancelled, RunNotFound
from agentos.storage.answers import new_answers
from agentos.storage.events import check_consecutive
from agentos.storage.memory.endings import SAID
from agentos.storage.memory.paging import page
from agentos.storage.memory.rows import MemoryStore
from agentos.storage.memory.run_rows import action_copy, checkpoint_copy, run_copy
from agentos.storage.paging import Cursor, Page, Paging
from agentos.storage.pauses import Answered, PendingFilter, WaitingAction, check_paused
from agentos.storage.records import NO_RECORDS, Record, RecordKey
from agentos.storage.runs import CLAIM_WITHIN, RunStore


class MemoryPauses(MemoryStore, RunStore):
    """Pauses runs, and takes the answers."""

    def pause(
        self,
        run: Run,
        *,
        checkpoints: Sequence[Checkpoint],
        actions: Sequence[PendingAction],
        frames: Sequence[Frame] = (),
        records: Sequence[Record] = (),
        limit: int | None = None,
    ) -> bool:
        check_consecutive(run.id, frames)
        if not actions:
            raise ValueError(f"run {run.id!r} is to be paused without an action; it would wait for ever")
        with self._lock:
            row = self._rows.runs.get(run.id)
            if row is not None and {one.id for one in actions} <= {one.id for one in row.actions}:
                return True
            mine = self._rows.find_attempt(run)
            if mine is None or mine.run.status is not RunStatus.RUNNING:
                return False
            if mine.cancel_requested:
                raise RunCancelled("the run was asked to stop, so it does not pause")
            check_paused(sum(one.paused and one.run.owner == mine.run.owner for one in self._rows.runs.values()), limit)
            said = run_copy(run)
            mine.run = replace(mine.run, **{name: getattr(said, name) for name in SAID})
            mine.append(frames, checkpoints)
            mine.pause(actions)
            for record in records:
                self._rows.put_record(record)
            return True

    def answer(
        self,
        run_id: str,
        answers: Mapping[str, Answer],
        *,
        owner: str | None,
        forget: Sequence[RecordKey] = (),
        claim_within: float = CLAIM_WITHIN,
        late: bool = False,
        records: Mapping[str, Record] = NO_RECORDS,
    ) -> Answered:
        with self._lock:
            row = self._rows.find_run(run_id, owner)
            if row is None:
                raise RunNotFound(run_id)
            now = datetime.now(UTC)
            new = new_answers(
                run_id,
                answers,
                row.actions,
                status=row.run.status,
                asked_to_stop=row.cancel_requested,
                expired={one.id for one in row.actions if one.expires_at is not None and one.expires_at <= now},
                late=late,
            )
            row.answer(new)
            for action_id in new:
                if action_id in records:
                    self._rows.put_record(records[action_id])
            resumed = bool(new) and not row.pending
            if resumed:
                row.run = replace(row.run, status=RunStatus.QUEUED)
                row.offer(claim_within)
                for key in forget:
                    self._rows.records.pop(key, None)
            return Answered(replace(row.shown(), request=row.request if resumed else None), resumed)

    def waiting(self, where: PendingFilter, paging: Paging, *, oldest_first: bool = False) -> Page[WaitingAction]:
        with self._lock:
            return page(self._matching(where), paging, place=_place, copy=lambda one: one, oldest_first=oldest_first)

    def count_waiting(self, where: PendingFilter) -> int:
        with self._lock:
            return len(self._matching(where))

    def action(self, action_id: str) -> WaitingAction | None:
        with self._lock:
            return next(
                (
                    _of_run(row.run, action_copy(action))
                    for row in self._rows.runs.values()
                    for action in row.actions
                    if action.id == action_id
                ),
                None,
            )

    def actions(self, run_id: str) -> Sequence[PendingAction]:
        with self._lock:
            row = self._rows.runs.get(run_id)
            return () if row is None else tuple(map(action_copy, row.actions))

    def checkpoints(self, run_id: str) -> Sequence[Checkpoint]:
        with self._lock:
            row = self._rows.runs.get(run_id)
            return () if row is None else tuple(map(checkpoint_copy, row.checkpoints))

    def _matching(self, where: PendingFilter) -> list[WaitingAction]:
        return [
            _of_run(row.run, action)
            for row in self._rows.runs.values()
            for action in row.pending
            if _matches(where, row.run, action)
        ]


def _matches(where: PendingFilter, run: Run, action: PendingAction) -> bool:
    is_approval = action.kind is PendingKind.APPROVAL
    has: dict[str, Any] = {
        "owner": run.owner,
        "agent_id": run.agent_id,
        "session_id": run.session_id,
        "run_id": run.id,
        "kind": action.kind,
        "tool": action.call.name,
        "approver": action.approver if is_approval else None,
        "approver_of": where.approver_of if is_approval else run.owner,
    }
    return all(has[name] == value for name, value in where.given().items())


def _of_run(run: Run, action: PendingAction) -> WaitingAction:
    return WaitingAction(
        run_id=run.id,
        agent_id=run.agent_id,
        owner=run.owner,
        session_id=run.session_id,
        user_id=run.user_id,
        action=action,
    )


def _place(waiting: WaitingAction) -> Cursor:
    return Cursor(waiting.action.created_at, waiting.action.id)
