"""What was said in sessions, in memory: transcripts, and messages that are added without a run."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from agentos.domain.message import Message
from agentos.storage.attachments import read_in_messages
from agentos.storage.history import History, StoredMessage, of_a_run, stored_messages, turns_of, within_page
from agentos.storage.memory.admission import check_idle
from agentos.storage.memory.rows import MemoryStore, MessageRow
from agentos.storage.memory.run_rows import listed_copy, message_copy
from agentos.storage.sessions import SessionStore


class MemorySessionMessages(MemoryStore, SessionStore):
    """Messages by sequence."""

    def history(self, session_id: str, *, owner: str | None, limit: int, before: int | None = None) -> History:
        with self._lock:
            row = self._rows.session(session_id, owner)
            end = bisect_left(row.messages, math.inf if before is None else before, key=lambda one: one.stored.sequence)
            start = max(0, end - limit)
            found = row.messages[start:end]
            after = self._position(row.messages[start - 1]) if start else 0
            if before is None or before > row.sequence:
                until = row.position + 1
            else:
                until = self._position(found[-1]) + 1 if found else 0
            without_messages = within_page(
                one.run
                for one in reversed(row.runs)
                if after < one.position < until and one.turn is None and not (one.unfinished or one.forget_requested)
            )
            shown = {one.stored.run_id for one in found} | {run.id for run in without_messages}
            return History(
                messages=[_copy(one.stored) for one in found],
                runs=[listed_copy(one.run) for one in row.runs if one.run.id in shown],
            )

    def append(
        self, session_id: str, messages: Sequence[Message], *, owner: str | None, now: datetime
    ) -> Sequence[StoredMessage]:
        messages, new = read_in_messages(messages)
        with self._lock:
            row = self._rows.session(session_id, owner)
            check_idle([one for one in row.runs if one.unfinished])
            row.session = replace(row.session, updated_at=max(row.session.updated_at, now))
            added = stored_messages(messages, last=row.sequence + len(messages), now=now)
            in_last = sum(one.turn == row.turn and one.position is not None for one in row.messages)
            for one, turn in zip(added, turns_of(messages, last=row.turn, in_last=in_last), strict=True):
                digests = self._rows.keep_attachments(row.session.owner, one.message.media, new)
                row.messages.append(MessageRow(_copy(one), turn, row.position, digests))
                row.turn = turn
            row.sequence += len(added)
            return added

    def remove_message(self, session_id: str, sequence: int, *, owner: str | None) -> bool:
        with self._lock:
            row = self._rows.find_session(session_id, owner)
            found = [one for one in row.messages if one.stored.sequence == sequence] if row is not None else []
            if row is None or not found:
                return False
            if found[0].position is None:
                raise of_a_run(session_id, sequence, found[0].stored.run_id)
            row.remove(lambda one: one is found[0])
            self._rows.drop_attachments(row.session.owner, found[0].digests)
            return True

    def _position(self, row: MessageRow) -> int:
        return self._rows.runs[row.stored.run_id].position if row.position is None else row.position


def _copy(stored: StoredMessage) -> StoredMessage:
    return replace(stored, message=message_copy(stored.message))
