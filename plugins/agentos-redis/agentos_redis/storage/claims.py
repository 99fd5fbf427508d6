"""Which worker has a run: claims, leases by the server's clock, and runs that no living worker looks after."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace
from datetime import datetime

from agentos import RunNotFound
from agentos.backends import Admission, Lease, RunStore, Unattended, action_of, checkpoint_of
from agentos_redis.storage.admission import raise_busy
from agentos_redis.storage.database import RedisStore, Refusal
from agentos_redis.storage.run_rows import request_at, run_of
from agentos_redis.storage.values import duration, stamp, text_of, text_or_none


class RedisClaims(RedisStore, RunStore):
    """Gives runs to workers."""

    def claim(self, run_id: str, lease: Lease, *, now: datetime) -> Admission | None:
        try:
            reply = self._database.write("claim", id=run_id, now=stamp(now), **_values(lease))
        except Refusal as refusal:
            if refusal.code == "busy":
                raise_busy(refusal)
            raise RunNotFound(run_id) from None
        if reply is None:
            return None
        row, request, checkpoints, actions, logged, event, crashed, stopping = reply
        return Admission(
            replace(run_of(row), request=request_at(request)),
            history=None,
            checkpoints=tuple(checkpoint_of(text_of(one)) for one in checkpoints),
            actions=tuple(action_of(text_of(text), text_or_none(answer)) for text, answer in actions),
            logged=int(logged),
            last_event=None if event is None else text_of(event.partition(b" ")[0]),
            crashed=bool(crashed),
            cancel_requested=bool(stopping),
        )

    def cancel_requests(self, worker_id: str) -> Sequence[str]:
        return list(map(text_of, self._database.read("cancel_requests", worker=worker_id)))

    def leased(self, worker_id: str) -> Set[str]:
        return set(map(text_of, self._database.read("leased", worker=worker_id)))

    def renew_leases(self, lease: Lease) -> Sequence[str]:
        return list(map(text_of, self._database.write("renew", **_values(lease))))

    def unattended(self, *, limit: int) -> Unattended:
        found = self._database.read("unattended", limit=limit)
        return Unattended(*(tuple(map(text_of, ids)) for ids in found))


def _values(lease: Lease) -> dict[str, str | int]:
    return {"worker": lease.worker_id, "lease": duration(lease.seconds)}
