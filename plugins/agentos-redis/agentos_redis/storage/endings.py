"""The one end of each run: all that it leaves behind, or nothing."""

from __future__ import annotations

from collections.abc import Sequence

from agentos.backends import (
    Ended,
    Frame,
    Message,
    Record,
    Run,
    RunStore,
    StateChange,
    check_consecutive,
    dumps,
    ended_at,
    loads,
    read_in_messages,
    said_at,
)
from agentos_redis.storage.database import Blobs, RedisStore, Refusal
from agentos_redis.storage.events import sent_frames
from agentos_redis.storage.message_rows import said_values
from agentos_redis.storage.record_rows import record_values
from agentos_redis.storage.run_rows import outcome_values, sent_bytes
from agentos_redis.storage.values import stamp, text_of, text_or_none


class RedisEndings(RedisStore, RunStore):
    """Ends runs."""

    def finish(
        self,
        run: Run,
        *,
        messages: Sequence[Message] = (),
        frames: Sequence[Frame] = (),
        state: StateChange | None = None,
        records: Sequence[Record] = (),
    ) -> Ended | None:
        ended = stamp(ended_at(run))
        check_consecutive(run.id, frames)
        messages, new = read_in_messages(messages)
        blobs = Blobs()
        arguments = {
            **outcome_values(run),
            "id": run.id,
            "attempt": run.attempt,
            "status": run.status.value,
            "ended": ended,
            "messages": [said_values(message, said_at(run, message)) for message in messages],
            "frames": sent_frames(frames, blobs),
            "records": list(map(record_values, records)),
            "blobs": sent_bytes(new, blobs),
        }
        outcome = None if state is None else dumps(state.state)
        version = None if state is None else state.version
        while True:
            try:
                reply = self._database.write("finish", blobs, **arguments, state=outcome, version=version)
            except Refusal as refusal:
                # The session is at another version: what the run did is applied to what it has become.
                present, text = refusal.details
                version = int(present)
                outcome = None if state is None else dumps(state.outcome(version, loads(text_of(text))))
                continue
            return None if reply is None else Ended(text_or_none(reply[0]))
