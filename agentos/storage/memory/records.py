"""What the memory storage holds, and copies that share nothing a caller could change later."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from agentos.domain.event import Frame
from agentos.domain.media import Media
from agentos.domain.message import Message
from agentos.domain.run import Run
from agentos.domain.session import Session, Summary
from agentos.domain.stored_request import StoredRequest
from agentos.errors import SessionNotFound
from agentos.storage.admission import Lease
from agentos.storage.agents import StoredAgent
from agentos.storage.aliases import Alias
from agentos.storage.attachments import Attachment, digests_of
from agentos.storage.history import StoredMessage
from agentos.storage.idempotency import Replay
from agentos.storage.json_text import copied
from agentos.storage.keys import StoredKey


@dataclass(slots=True)
class RunRecord:
    """A run, its lease, the turn it left and its event log."""

    run: Run
    worker_id: str
    lease_until: float
    request: StoredRequest | None = None
    turn: int | None = None
    cancel_requested: bool = False
    forget_requested: bool = False
    frames: list[Frame] = field(default_factory=list)
    digests: set[str] = field(default_factory=set)
    """Of the attachments that the run and its messages have."""

    def lease(self, lease: Lease) -> None:
        """Give the run to a worker from now on."""
        self.worker_id = lease.worker_id
        self.lease_until = time.monotonic() + lease.seconds

    def ask_to_stop(self, *, forget: bool) -> None:
        """Mark the run, which is unfinished. That it is to be forgotten is never taken back."""
        self.cancel_requested = True
        self.forget_requested = self.forget_requested or forget

    def append(self, frames: Sequence[Frame]) -> None:
        """Append what the log does not hold yet; a batch may come a second time."""
        last = self.frames[-1].number if self.frames else 0
        self.frames.extend(frame for frame in frames if frame.number > last)

    @property
    def unfinished(self) -> bool:
        """True while the run has not ended."""
        return not self.run.status.finished

    @property
    def position(self) -> int:
        """The run's position in its session; 0 without one."""
        return self.run.position or 0


@dataclass(slots=True)
class SessionRecord:
    """A session, its runs by position, its messages by sequence, and the last of each number that was given."""

    session: Session
    summary: Summary | None = None
    runs: list[RunRecord] = field(default_factory=list)
    messages: list[StoredMessage] = field(default_factory=list)
    position: int = 0
    sequence: int = 0
    turn: int = 0


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What an idempotency key was used for; ``expires_at`` is by the monotonic clock."""

    replay: Replay
    created_at: datetime
    expires_at: float


class Records:
    """Everything that the stores hold, under one lock."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.agents: dict[str, StoredAgent] = {}
        self.keys: dict[str, StoredKey] = {}
        self.sessions: dict[str, SessionRecord] = {}
        self.runs: dict[str, RunRecord] = {}
        self.used_keys: dict[tuple[str, str, str], KeyRecord] = {}  # by owner, route and key
        self.attachments: dict[tuple[str, str], Attachment] = {}  # by owner and digest
        self.aliases: dict[Alias, str] = {}  # to ids of sessions

    def find_session(self, session_id: str, owner: str | None) -> SessionRecord | None:
        """Return a session of an owner, or with ``None`` of any owner."""
        record = self.sessions.get(session_id)
        return record if record is not None and owner in (None, record.session.owner) else None

    def session(self, session_id: str, owner: str | None) -> SessionRecord:
        """Return a session as :meth:`find_session` does; raise ``SessionNotFound`` if there is none."""
        record = self.find_session(session_id, owner)
        if record is None:
            raise SessionNotFound(session_id)
        return record

    def find_run(self, run_id: str, owner: str | None) -> RunRecord | None:
        """Return a run of an owner, or with ``None`` of any owner."""
        record = self.runs.get(run_id)
        return record if record is not None and owner in (None, record.run.owner) else None

    def keep_attachments(self, record: RunRecord, media: Iterable[Media], new: Mapping[str, Attachment]) -> None:
        """Keep the attachments of a run, the bytes of those that its owner does not have yet."""
        for digest in digests_of(media):
            place = (record.run.owner, digest)
            if digest in new:
                self.attachments.setdefault(place, new[digest])
            if place in self.attachments:
                record.digests.add(digest)

    def drop_aliases(self, session_id: str) -> None:
        """Forget the aliases of a session that is gone."""
        for alias in [alias for alias, bound in self.aliases.items() if bound == session_id]:
            del self.aliases[alias]

    def drop_run(self, record: RunRecord) -> None:
        """Forget a run, and the attachments that no other run of its owner has."""
        del self.runs[record.run.id]
        owner = record.run.owner
        if record.digests:
            kept = set[str]().union(*(one.digests for one in self.runs.values() if one.run.owner == owner))
            for digest in record.digests - kept:
                self.attachments.pop((owner, digest), None)

    def delete_run(self, record: RunRecord) -> None:
        """Delete a run, and take it out of its session."""
        self.drop_run(record)
        if record.run.session_id is None:
            return
        session = self.sessions[record.run.session_id]
        session.runs = [one for one in session.runs if one is not record]
        if not record.unfinished:
            session.session = replace(
                session.session,
                run_count=session.session.run_count - 1,
                total_tokens=session.session.total_tokens - record.run.usage.total_tokens,
            )
        if record.turn is not None:
            session.messages[:] = [one for one in session.messages if one.run_id != record.run.id]
            session.turn = max((one.turn or 0 for one in session.runs), default=0)
            session.summary = None

    def find_attempt(self, run: Run) -> RunRecord | None:
        """Return the run if it is unfinished and at the attempt that the caller was given."""
        record = self.runs.get(run.id)
        return record if record is not None and record.unfinished and record.run.attempt == run.attempt else None


class MemoryStore:
    """What the stores share: each reads and writes the records of the one storage."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._lock = records.lock


def session_copy(session: Session) -> Session:
    """Return a session of its own."""
    return replace(session, metadata=copied(session.metadata), state=copied(session.state))


def run_copy(run: Run) -> Run:
    """Return a run of its own, as it is read: without the rest of its request."""
    return replace(
        run,
        request=None,
        media=media_copy(run.media),
        error=None if run.error is None else replace(run.error, details=copied(run.error.details)),
        metadata=copied(run.metadata),
        context=copied(run.context),
    )


def listed_copy(run: Run) -> Run:
    """Return a run of its own as lists and histories have it."""
    return replace(run_copy(run), steps=())


def message_copy(message: Message) -> Message:
    """Return a message of its own."""
    return replace(message, media=media_copy(message.media)) if message.media else message


def media_copy(media: tuple[Media, ...]) -> tuple[Media, ...]:
    """Return attachments of their own, without their bytes."""
    return tuple(replace(one.without_data(), metadata=copied(one.metadata)) for one in media)
