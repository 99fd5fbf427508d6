"""The one end of each run in memory: all that it leaves behind, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agentos.domain.event import Frame
from agentos.domain.message import Message
from agentos.domain.run import Run
from agentos.domain.session_state import StateChange
from agentos.storage.admission import Ended
from agentos.storage.attachments import read_in_messages
from agentos.storage.events import check_consecutive
from agentos.storage.history import StoredMessage
from agentos.storage.json_text import copied
from agentos.storage.memory.rows import MemoryStore, MessageRow, SessionRow
from agentos.storage.memory.run_rows import RunRow, message_copy, run_copy
from agentos.storage.records import Record
from agentos.storage.run_ends import ended_at, said_at
from agentos.storage.runs import RunStore

SAID = ("content", "reasoning", "model", "finish_reason", "usage", "loops", "metadata")
"""What a run says and uses: its pauses and its end set it."""

_OUTCOME = (*SAID, "status", "error", "steps", "ended_at")


class MemoryEndings(MemoryStore, RunStore):
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
        end = replace(run_copy(run), ended_at=ended_at(run))
        check_consecutive(run.id, frames)
        messages, new = read_in_messages(messages)
        with self._lock:
            mine = self._rows.find_attempt(run)
            if mine is None:
                return None
            session = None if mine.run.session_id is None else self._rows.sessions[mine.run.session_id]
            if state is not None and session is not None and not mine.forget_requested:
                _set_state(session, state)
            mine.run = replace(mine.run, **{name: getattr(end, name) for name in _OUTCOME})
            mine.end()
            mine.append(frames)
            for record in records:
                self._rows.put_record(record)
            if session is None:
                return Ended()
            kept = () if mine.forget_requested else messages
            media = (media for message in kept for media in message.media)
            mine.digests |= self._rows.keep_attachments(mine.run.owner, media, new)
            _count(session, mine, kept)
            following = next((one for one in session.runs if one.unfinished), None)
            if following is None or not following.unclaimed or following.must_not_begin:
                return Ended()
            return Ended(following.run.id)


def _set_state(row: SessionRow, change: StateChange) -> None:
    session = row.session
    outcome = copied(change.outcome(session.version, session.state))
    row.session = replace(session, state=outcome, version=session.version + 1)


def _count(row: SessionRow, ended: RunRow, messages: Sequence[Message]) -> None:
    """Add an ended run, and the turn that it left, to its session."""
    session = row.session
    used = session.total_tokens + ended.run.usage.total_tokens
    row.session = replace(session, run_count=session.run_count + 1, total_tokens=used)
    if not messages:
        return
    row.turn += 1
    ended.turn = row.turn
    for sequence, message in enumerate(messages, row.sequence + 1):
        stored = StoredMessage(
            sequence=sequence,
            run_id=ended.run.id,
            created_at=said_at(ended.run, message),
            message=message_copy(message),
        )
        row.messages.append(MessageRow(stored, row.turn))
    row.sequence += len(messages)
