"""Accepting runs: their place in their session's queue, and what a quota allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

from agentos import SessionBusy, SessionNotFound, StorageError
from agentos.backends import (
    CLAIM_WITHIN,
    Admission,
    BusyPolicy,
    IdempotencyKey,
    Lease,
    Message,
    Quota,
    Replay,
    Run,
    RunStore,
    read_in_run,
)
from agentos_redis.storage.database import Blobs, RedisStore, Refusal
from agentos_redis.storage.idempotency import key_values, replay_of
from agentos_redis.storage.message_rows import message_at
from agentos_redis.storage.run_rows import run_of, run_values, sent_bytes
from agentos_redis.storage.values import duration, text_of


class RedisAdmission(RedisStore, RunStore):
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
        read, new = read_in_run(run)
        said = replace(read, request_id=None)
        blobs = Blobs()
        try:
            reply = self._database.write(
                "admit",
                blobs,
                **run_values(said),
                run_owner=run.owner,
                owner=owner,
                policy=concurrency.value,
                worker=None if claim is None else claim.worker_id,
                lease=None if claim is None else duration(claim.seconds),
                within=duration(claim_within),
                turns=history_turns,
                key=key_values(idempotency),
                of_owner=quota.of_owner,
                of_all=quota.of_all,
                unclaimed=quota.unclaimed,
                blobs=sent_bytes(new, blobs),
            )
        except Refusal as refusal:
            if refusal.code == "no session":
                raise SessionNotFound(str(run.session_id)) from None
            if refusal.code == "quota":
                of_owner, of_all, unclaimed = map(int, refusal.details)
                checked = quota if claim is None else replace(quota, unclaimed=None)
                checked.check(of_owner=of_owner, of_all=of_all, unclaimed=unclaimed)
            if refusal.code == "busy":
                raise_busy(refusal)
            raise StorageError(f"run {run.id!r} is already there") from None
        if reply[0] == b"replay":
            return replay_of(reply)
        _, row, window, stopped = reply
        given = replace(run_of(row), media=read.media, request=read.request, request_id=run.request_id)
        if run.session_id is None:
            return Admission(given)
        history = None if window is None else tuple(map(message_at, window))
        return Admission(given, history, tuple(map(run_of, stopped)))

    def window(self, session_id: str, *, turns: int) -> Sequence[Message]:
        return tuple(map(message_at, self._database.read("window", session=session_id, turns=turns)))


def raise_busy(refusal: Refusal) -> NoReturn:
    """Raise the error of a session that has runs which have not ended."""
    session_id, *paused = refusal.details
    if not paused:
        raise SessionBusy(text_of(session_id)) from None
    run_id, pending = paused
    raise SessionBusy(text_of(session_id), run_id=text_of(run_id), pending=list(map(text_of, pending))) from None
