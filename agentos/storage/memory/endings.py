"""The one end of each run, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agentos.domain.event import Frame
from agentos.domain.message import Message
from agentos.domain.run import Run
from agentos.storage.attachments import read_in_messages
from agentos.storage.events import check_consecutive
from agentos.storage.history import StoredMessage
from agentos.storage.memory.records import MemoryStore, RunRecord, SessionRecord, message_copy, run_copy
from agentos.storage.runs import RunStore, ended_at, said_at

_OUTCOME = (
    *("status", "content", "reasoning", "error", "model", "finish_reason"),
    *("usage", "loops", "metadata", "ended_at"),
)
"""What the end of a run sets."""


class MemoryEndings(MemoryStore, RunStore):
    """Ends runs."""

    def finish(self, run: Run, *, messages: Sequence[Message] = (), frames: Sequence[Frame] = ()) -> bool:
        end = replace(run_copy(run), ended_at=ended_at(run))
        check_consecutive(run.id, frames)
        messages, new = read_in_messages(messages)
        with self._lock:
            mine = self._records.find_attempt(run)
            if mine is None:
                return False
            mine.run = replace(mine.run, **{name: getattr(end, name) for name in _OUTCOME})
            mine.append(frames)
            if run.session_id is not None:
                kept = () if mine.forget_requested else messages
                self._records.keep_attachments(mine, (media for message in kept for media in message.media), new)
                _count(self._records.sessions[run.session_id], mine, kept)
            return True


def _count(record: SessionRecord, ended: RunRecord, messages: Sequence[Message]) -> None:
    """Add an ended run, and the turn that it left, to its session."""
    session = record.session
    used = session.total_tokens + ended.run.usage.total_tokens
    record.session = replace(session, run_count=session.run_count + 1, total_tokens=used)
    if not messages:
        return
    record.turn += 1
    ended.turn = record.turn
    for sequence, message in enumerate(messages, record.sequence + 1):
        record.messages.append(
            StoredMessage(
                sequence=sequence,
                run_id=ended.run.id,
                created_at=said_at(ended.run, message),
                message=message_copy(message),
            )
        )
    record.sequence += len(messages)
