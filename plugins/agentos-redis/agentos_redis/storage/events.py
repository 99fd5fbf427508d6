"""The event logs of runs in Redis."""

from __future__ import annotations

from collections.abc import Sequence, Set
from datetime import datetime
from typing import Any

from agentos.backends import Checkpoint, EventStore, Frame, FrameBatch, check_consecutive, checkpoint_text
from agentos_redis.storage.database import Blobs, RedisStore
from agentos_redis.storage.values import stamp, text_of


class RedisEventStore(RedisStore, EventStore):
    """Frames by run and number."""

    def append(self, batches: Sequence[FrameBatch]) -> Set[str]:
        blobs = Blobs()
        given: list[dict[str, Any]] = []
        for batch in batches:
            check_consecutive(batch.run_id, batch.frames)
            if batch.frames or batch.checkpoints:
                one: dict[str, Any] = {
                    "id": batch.run_id,
                    "frames": sent_frames(batch.frames, blobs),
                    "checkpoints": checkpoint_values(batch.checkpoints),
                }
                given.append(one if batch.attempt is None else {**one, "attempt": batch.attempt})
        return set(map(text_of, self._database.write("log", blobs, batches=given))) if given else set()

    def read(self, run_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Frame]:
        first, items = self._database.read("events", id=run_id, after=after, limit=limit)
        split = (item.partition(b" ") for item in items)
        return [Frame(number, text_of(kind), data) for number, (kind, _, data) in enumerate(split, int(first))]

    def delete_old(self, *, ended_before: datetime, limit: int) -> int:
        return int(self._database.write("logs_delete_old", before=stamp(ended_before), limit=limit))


def sent_frames(frames: Sequence[Frame], blobs: Blobs) -> dict[str, int]:
    """Add frames, which follow each other, to what is sent, and return where they are."""
    places = [blobs.add(f"{frame.type} ".encode() + frame.data) for frame in frames]
    return {"first": frames[0].number if frames else 1, "count": len(frames), "at": places[0] if places else 0}


def checkpoint_values(checkpoints: Sequence[Checkpoint]) -> list[dict[str, Any]]:
    """Return checkpoints as they are written."""
    return [{"number": one.number, "text": checkpoint_text(one)} for one in checkpoints]
