"""What the memory storage holds, under one lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from agentos.domain.media import Media
from agentos.domain.run import Run
from agentos.domain.session import Session, Summary
from agentos.errors import SessionNotFound
from agentos.storage.agents import AgentVersion, StoredAgent
from agentos.storage.aliases import Alias
from agentos.storage.attachments import Attachment, digests_of
from agentos.storage.history import StoredMessage
from agentos.storage.idempotency import Replay
from agentos.storage.json_text import copied
from agentos.storage.keys import StoredKey
from agentos.storage.memory.run_rows import RunRow
from agentos.storage.records import Record, RecordKey


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message of a session and its turn. ``position`` is of one that was added: that of the last run before it."""

    stored: StoredMessage
    turn: int
    position: int | None = None
    digests: Set[str] = frozenset()
    """Of the attachments that an added message has."""


@dataclass(slots=True)
class SessionRow:
    """A session, its runs by position, its messages by sequence, and the last of each number that was given."""

    session: Session
    summary: Summary | None = None
    runs: list[RunRow] = field(default_factory=list)
    messages: list[MessageRow] = field(default_factory=list)
    position: int = 0
    sequence: int = 0
    turn: int = 0

    def remove(self, gone: Callable[[MessageRow], bool]) -> None:
        """Remove messages, and the summary, which may say what they said."""
        self.messages[:] = [one for one in self.messages if not gone(one)]
        self.turn = max((one.turn for one in self.messages), default=0)
        self.summary = None


@dataclass(frozen=True, slots=True)
class KeyRow:
    """What an idempotency key was used for; ``expires_at`` is by the monotonic clock."""

    replay: Replay
    created_at: datetime
    expires_at: float


@dataclass(slots=True)
class RecordRow:
    """A record, when it was made, and the lease of the worker that took it, by the monotonic clock."""

    record: Record
    created_at: datetime
    worker_id: str | None = None
    lease_until: float = 0.0


class Rows:
    """Everything that the stores hold, under one lock."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.agents: dict[str, StoredAgent] = {}
        self.agent_versions: dict[str, dict[int, AgentVersion]] = {}
        self.last_agent_versions: dict[str, int] = {}  # also of agents that are deleted
        self.keys: dict[str, StoredKey] = {}
        self.sessions: dict[str, SessionRow] = {}
        self.runs: dict[str, RunRow] = {}
        self.used_keys: dict[tuple[str, str, str], KeyRow] = {}  # by owner, route and key
        self.attachments: dict[tuple[str, str], Attachment] = {}  # by owner and digest
        self.aliases: dict[Alias, str] = {}  # to ids of sessions
        self.records: dict[RecordKey, RecordRow] = {}

    def find_session(self, session_id: str, owner: str | None) -> SessionRow | None:
        """Return a session of an owner, or with ``None`` of any owner."""
        row = self.sessions.get(session_id)
        return row if row is not None and owner in (None, row.session.owner) else None

    def session(self, session_id: str, owner: str | None) -> SessionRow:
        """Return a session as :meth:`find_session` does; raise ``SessionNotFound`` if there is none."""
        row = self.find_session(session_id, owner)
        if row is None:
            raise SessionNotFound(session_id)
        return row

    def find_run(self, run_id: str, owner: str | None) -> RunRow | None:
        """Return a run of an owner, or with ``None`` of any owner."""
        row = self.runs.get(run_id)
        return row if row is not None and owner in (None, row.run.owner) else None

    def keep_attachments(self, owner: str, media: Iterable[Media], new: Mapping[str, Attachment]) -> Set[str]:
        """Keep the bytes of attachments that an owner does not have yet; return the digests of those that it has then.

        Put these into the row of what has them.
        """
        wanted = digests_of(media)
        for digest in wanted & new.keys():
            self.attachments.setdefault((owner, digest), new[digest])
        return {digest for digest in wanted if (owner, digest) in self.attachments}

    def put_record(self, record: Record) -> Record:
        """Add or replace a record; its counter stays. Called under the lock."""
        present = self.records.get(record.key)
        before = Record(collection=record.collection, id=record.id) if present is None else present.record
        document = copied(record.document)
        kept = replace(record, document=document, version=before.version + 1, attempts=0, value=before.value)
        self.records[record.key] = RecordRow(kept, datetime.now(UTC) if present is None else present.created_at)
        return kept

    def drop_aliases(self, session_id: str) -> None:
        """Forget the aliases of a session that is gone."""
        for alias in [alias for alias, bound in self.aliases.items() if bound == session_id]:
            del self.aliases[alias]

    def drop_run(self, row: RunRow) -> None:
        """Forget a run, and the attachments that only it had."""
        del self.runs[row.run.id]
        self.drop_attachments(row.run.owner, row.digests)

    def drop_attachments(self, owner: str, digests: Set[str]) -> None:
        """Forget those of these attachments that no run or message of their owner has any more."""
        if not digests:
            return
        kept = set[str]().union(
            *(one.digests for one in self.runs.values() if one.run.owner == owner),
            *(
                message.digests
                for one in self.sessions.values()
                if one.session.owner == owner
                for message in one.messages
            ),
        )
        for digest in digests - kept:
            self.attachments.pop((owner, digest), None)

    def delete_run(self, row: RunRow) -> None:
        """Delete a run, and take it out of its session."""
        self.drop_run(row)
        if row.run.session_id is None:
            return
        session = self.sessions[row.run.session_id]
        session.runs = [one for one in session.runs if one is not row]
        if not row.unfinished:
            session.session = replace(
                session.session,
                run_count=session.session.run_count - 1,
                total_tokens=session.session.total_tokens - row.run.usage.total_tokens,
            )
        if row.turn is not None:
            session.remove(lambda one: one.position is None and one.stored.run_id == row.run.id)

    def find_attempt(self, run: Run) -> RunRow | None:
        """Return the run if it is unfinished and at the attempt that the caller was given."""
        row = self.runs.get(run.id)
        return row if row is not None and row.unfinished and row.run.attempt == run.attempt else None


class MemoryStore:
    """What the stores share: each reads and writes the rows of the one storage."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._lock = rows.lock


def session_copy(session: Session) -> Session:
    """Return a session of its own."""
    return replace(session, metadata=copied(session.metadata), state=copied(session.state))
