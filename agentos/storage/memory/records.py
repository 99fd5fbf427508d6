"""What the memory storage holds, and copies that share nothing a caller could change later."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from agentos.domain.event import Frame
from agentos.domain.media import Media
from agentos.domain.message import Message
from agentos.domain.run import Run
from agentos.domain.session import Session, Summary
from agentos.storage.attachments import Attachment, digests_of
from agentos.storage.interface import Storage
from agentos.storage.json_text import copied
from agentos.storage.memory.idempotency import UsedKeys
from agentos.storage.values import (
    LISTED,
    Cursor,
    Lease,
    Page,
    Paging,
    StoredAgent,
    StoredKey,
    StoredMessage,
)

T = TypeVar("T", Run, Session)


@dataclass(slots=True)
class RunRecord:
    """A run, its lease, the turn it left and its event log."""

    run: Run
    lease_owner: str
    lease_until: float
    turn: int | None = None
    cancel_requested: bool = False
    forget_requested: bool = False
    frames: list[Frame] = field(default_factory=list)
    digests: set[str] = field(default_factory=set)
    """Of the attachments that the run and its messages have."""

    def lease(self, lease: Lease) -> None:
        """Give the run to a worker from now on."""
        self.lease_owner = lease.owner
        self.lease_until = time.monotonic() + lease.seconds

    def ask_to_stop(self, *, forget: bool) -> None:
        """Mark the run, which is under way. That it is to be forgotten is never taken back."""
        self.cancel_requested = True
        self.forget_requested = self.forget_requested or forget

    def open(self) -> bool:
        """Return whether the run is still under way."""
        return not self.run.status.finished


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


class MemoryPart(Storage):
    """The state that the parts of the storage share."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._agents: dict[str, StoredAgent] = {}
        self._sessions: dict[str, SessionRecord] = {}
        self._runs: dict[str, RunRecord] = {}
        self._keys = UsedKeys()
        self._api_keys: dict[str, StoredKey] = {}
        self._attachments: dict[tuple[str, str], Attachment] = {}  # by owner and digest

    def _find_session(self, session_id: str, owner: str | None) -> SessionRecord | None:
        """Return a session if the owner, or with ``None`` anybody, has it."""
        record = self._sessions.get(session_id)
        return record if record is not None and owner in (None, record.session.owner) else None

    def _find_run(self, run_id: str, owner: str | None) -> RunRecord | None:
        """Return a run if the owner, or with ``None`` anybody, has it."""
        record = self._runs.get(run_id)
        return record if record is not None and owner in (None, record.run.owner) else None

    def _keep(self, record: RunRecord, media: Iterable[Media], new: Mapping[str, Attachment]) -> None:
        """Keep the attachments of a run, the bytes of those that its owner does not have yet."""
        for digest in digests_of(media):
            place = (record.run.owner, digest)
            if digest in new:
                self._attachments.setdefault(place, new[digest])
            if place in self._attachments:
                record.digests.add(digest)

    def _drop(self, record: RunRecord) -> None:
        """Forget a run, and the attachments that no other run of its owner has."""
        del self._runs[record.run.id]
        owner = record.run.owner
        if record.digests:
            kept = set[str]().union(*(one.digests for one in self._runs.values() if one.run.owner == owner))
            for digest in record.digests - kept:
                self._attachments.pop((owner, digest), None)

    def _mine(self, run: Run) -> RunRecord | None:
        """Return the run if it is under way at the attempt that the caller was given."""
        record = self._runs.get(run.id)
        return record if record is not None and record.open() and record.run.attempt == run.attempt else None


def session_copy(session: Session) -> Session:
    """Return a session of its own."""
    return replace(session, metadata=copied(session.metadata), state=copied(session.state))


def agent_copy(agent: StoredAgent) -> StoredAgent:
    """Return a stored agent of its own."""
    return replace(agent, document=copied(agent.document))


def listed_agent(agent: StoredAgent) -> StoredAgent:
    """Return a stored agent of its own, with what a list needs of its document."""
    return replace(agent, document=copied({name: agent.document[name] for name in LISTED if name in agent.document}))


def run_copy(run: Run) -> Run:
    """Return a run of its own."""
    return replace(
        run,
        media=media_copy(run.media),
        error=None if run.error is None else replace(run.error, details=copied(run.error.details)),
        metadata=copied(run.metadata),
        context=copied(run.context),
    )


def message_copy(message: Message) -> Message:
    """Return a message of its own."""
    return replace(message, media=media_copy(message.media)) if message.media else message


def media_copy(media: tuple[Media, ...]) -> tuple[Media, ...]:
    """Return attachments of their own, without their bytes."""
    return tuple(replace(one.without_data(), metadata=copied(one.metadata)) for one in media)


def page(keyed: list[tuple[Cursor, T]], paging: Paging) -> Page[T]:
    """Return one page of items that stand with their places, newest first."""
    keyed.sort(key=lambda one: (one[0].time, one[0].id), reverse=True)
    if paging.cursor is None:
        rest = keyed[paging.offset :]
    else:
        place = (paging.cursor.time, paging.cursor.id)
        rest = [one for one in keyed if (one[0].time, one[0].id) < place]
    kept = rest[: paging.limit]
    following = kept[-1][0] if kept and len(rest) > len(kept) else None
    return Page([item for _, item in kept], following)
