"""Runs that wait for a person or their client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentos import RunCancelled, RunNotFound
from agentos.backends import (
    CLAIM_WITHIN,
    NO_RECORDS,
    Answer,
    Answered,
    Checkpoint,
    Cursor,
    Frame,
    Page,
    Paging,
    PendingAction,
    PendingFilter,
    PendingKind,
    Record,
    RecordKey,
    Run,
    RunStatus,
    RunStore,
    WaitingAction,
    action_of,
    action_text,
    answer_text,
    check_consecutive,
    check_paused,
    checkpoint_of,
    new_answers,
    page_of,
)
from agentos_redis.storage.database import Blobs, RedisStore, Refusal
from agentos_redis.storage.events import checkpoint_values, sent_frames
from agentos_redis.storage.paging import bounds, collect
from agentos_redis.storage.record_rows import record_values
from agentos_redis.storage.run_rows import outcome_values, request_at, run_of
from agentos_redis.storage.values import duration, stamp, stamp_or_none, text_of, text_or_none

_ALL = 1_000_000_000
_FILTERS = {"owner": "owner", "agent_id": "agent", "session_id": "session", "run_id": "run", "tool": "tool"}


class RedisPauses(RedisStore, RunStore):
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
        blobs = Blobs()
        try:
            reply = self._database.write(
                "pause",
                blobs,
                **outcome_values(replace(run, steps=())),
                id=run.id,
                attempt=run.attempt,
                frames=sent_frames(frames, blobs),
                checkpoints=checkpoint_values(checkpoints),
                actions=list(map(_action_values, actions)),
                records=list(map(record_values, records)),
                limit=limit,
            )
        except Refusal as refusal:
            if refusal.code == "cancelled":
                raise RunCancelled("the run was asked to stop, so it does not pause") from None
            check_paused(int(refusal.details[0]), limit)
            raise
        return bool(reply[0])

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
        put = {action_id: record_values(record) for action_id, record in records.items()}
        while True:
            try:
                new = self._new_answers(run_id, answers, owner=owner, late=late)
                row, resumed, request = self._database.write(
                    "answer",
                    id=run_id,
                    owner=owner,
                    answers=[{"id": action_id, "text": answer_text(answer)} for action_id, answer in new.items()],
                    late=late,
                    records=[put[action_id] for action_id in new if action_id in put],
                    within=duration(claim_within),
                    forget=[list(key) for key in forget],
                )
            except Refusal as refusal:
                if refusal.code == "changed":
                    continue  # Since the look, an answer came, or the run was stopped; the next look says which.
                raise RunNotFound(run_id) from None
            return Answered(replace(run_of(row), request=request_at(request) if resumed else None), bool(resumed))

    def _new_answers(
        self, run_id: str, answers: Mapping[str, Answer], *, owner: str | None, late: bool
    ) -> Mapping[str, Answer]:
        status, asked_to_stop, found = self._database.read("answerable", id=run_id, owner=owner)
        actions = [action_of(text_of(text), text_or_none(answer)) for text, answer, _ in found]
        return new_answers(
            run_id,
            answers,
            actions,
            status=RunStatus(text_of(status)),
            asked_to_stop=bool(asked_to_stop),
            expired={action.id for action, one in zip(actions, found, strict=True) if one[2]},
            late=late,
        )

    def waiting(self, where: PendingFilter, paging: Paging, *, oldest_first: bool = False) -> Page[WaitingAction]:
        query = bounds(after=paging.cursor, newest=not oldest_first)
        rows = collect(self._database, "waiting", paging, query, **_where(where))
        return page_of(list(map(_waiting_of, rows)), paging, place=_place, convert=lambda kept: kept)

    def count_waiting(self, where: PendingFilter) -> int:
        return len(collect(self._database, "waiting", Paging(limit=_ALL), bounds(), **_where(where), bare=True))

    def action(self, action_id: str) -> WaitingAction | None:
        row = self._database.read("action", id=action_id)
        return None if row is None else _waiting_of(row)

    def actions(self, run_id: str) -> Sequence[PendingAction]:
        found = self._database.read("actions", id=run_id)
        return tuple(action_of(text_of(text), text_or_none(answer)) for text, answer in found)

    def checkpoints(self, run_id: str) -> Sequence[Checkpoint]:
        return tuple(checkpoint_of(text_of(text)) for text in self._database.read("checkpoints", id=run_id))


def _action_values(action: PendingAction) -> dict[str, Any]:
    values = {
        "id": action.id,
        "text": action_text(action),
        "created": stamp(action.created_at),
        "expires": stamp_or_none(action.expires_at),
        "kind": action.kind.value,
        "tool": action.call.name,
        "approver": action.approver if action.kind is PendingKind.APPROVAL else None,
    }
    return {name: value for name, value in values.items() if value is not None}


def _where(where: PendingFilter) -> dict[str, Any]:
    given = where.given()
    wanted = {field: given[name] for name, field in _FILTERS.items() if name in given}
    wanted.update({name: str(given[name]) for name in ("kind", "approver") if name in given})
    return {"where": wanted, "approver_of": where.approver_of}


def _waiting_of(row: Sequence[Any]) -> WaitingAction:
    run_id, agent_id, owner, session_id, user_id, text, answer = row
    return WaitingAction(
        run_id=text_of(run_id),
        agent_id=text_of(agent_id),
        owner=text_of(owner),
        session_id=text_or_none(session_id),
        user_id=text_or_none(user_id),
        action=action_of(text_of(text), text_or_none(answer)),
    )


def _place(waiting: WaitingAction) -> Cursor:
    return Cursor(waiting.action.created_at, waiting.action.id)
