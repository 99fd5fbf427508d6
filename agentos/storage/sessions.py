"""Sessions: which ones are asked for, what is changed in them, and the contract of their store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agentos.domain.message import Message
from agentos.domain.session import Session, Summary
from agentos.errors import PreconditionFailed
from agentos.storage.history import History, StoredMessage
from agentos.storage.idempotency import IdempotencyKey, Replay
from agentos.storage.paging import Page, Paging

UNSET: Any = object()
"""Stands for "leave it as it is", where ``None`` means "clear it"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFilter:
    """Exact matches, and-ed; ``None`` matches everything. ``updated_before`` is exclusive.

    ``name_contains`` is a part of the session's name, in upper or lower case. ``said`` are words and phrases
    (:func:`agentos.storage.text_query.phrases_of`) that one message of a user or assistant has all of. A backend finds
    them where it was told to keep an index of them.
    """

    owner: str | None = None
    agent_id: str | None = None
    user_id: str | None = None
    team_id: str | None = None
    workflow_id: str | None = None
    updated_before: datetime | None = None
    name_contains: str | None = None
    said: tuple[str, ...] | None = None

    def given(self) -> dict[str, Any]:
        """Return the matches that are asked for, by field name."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionChanges:
    """What to change in a session; what is :data:`UNSET` stays."""

    name: str | None = UNSET
    metadata: Mapping[str, Any] = UNSET
    state: Mapping[str, Any] = UNSET
    agent_id: str = UNSET
    user_id: str | None = UNSET
    team_id: str | None = UNSET
    workflow_id: str | None = UNSET

    def given(self) -> dict[str, Any]:
        """Return only what is to change, by field name."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name)) is not UNSET}


def other_version(session_id: str, present: int, expected: int | None) -> PreconditionFailed:
    """Return the error of an update that expected another version than the present one."""
    return PreconditionFailed(
        f"session {session_id!r} is at version {present}, not {expected}; read it again and repeat"
    )


class SessionStore(ABC):
    """Sessions with their transcripts and summaries."""

    @abstractmethod
    def create(
        self, session: Session, *, messages: Sequence[Message] = (), idempotency: IdempotencyKey | None = None
    ) -> Replay | None:
        """Add a session with a new id; with a key that was used before, add nothing and return the replay.

        ``messages`` are added with it, as by :meth:`append`.
        """

    @abstractmethod
    def get(self, session_id: str, *, owner: str | None) -> Session | None:
        """Return one session."""

    @abstractmethod
    def list(self, where: SessionFilter, paging: Paging) -> Page[Session]:
        """Return sessions, newest activity (``updated_at``, then id) first."""

    @abstractmethod
    def count(self, where: SessionFilter) -> int:
        """Return how many sessions match."""

    @abstractmethod
    def update(
        self,
        session_id: str,
        changes: SessionChanges,
        *,
        owner: str | None,
        now: datetime,
        expected_version: int | None = None,
    ) -> Session:
        """Apply changes, count ``version`` up and return the session as it is now.

        Raises :class:`~agentos.errors.SessionNotFound`, or :class:`~agentos.errors.PreconditionFailed` when
        ``expected_version`` is given and is not the present one.
        """

    @abstractmethod
    def delete(self, session_id: str, *, owner: str | None) -> bool:
        """Delete a session with its messages, runs and events; return whether it was there."""

    @abstractmethod
    def delete_oldest(self, where: SessionFilter, *, limit: int) -> int:
        """Delete up to ``limit`` matching sessions, the oldest activity first; return how many. Call until 0.

        With ``updated_before``, a session stays that has a ``queued`` or ``running`` run: it is not idle.
        """

    @abstractmethod
    def history(self, session_id: str, *, owner: str | None, limit: int, before: int | None = None) -> History:
        """Return the last ``limit`` messages with a sequence less than ``before``, and the runs they came from.

        Runs that left no message stand where their position is; the last page has those after its last message too.
        A page has the latest of them, up to 1000 or some megabytes, for nothing else bounds them. Unfinished runs are
        not in it yet, and those that were asked to be forgotten never. Runs come without their steps. Raises
        :class:`~agentos.errors.SessionNotFound`.
        """

    @abstractmethod
    def append(
        self, session_id: str, messages: Sequence[Message], *, owner: str | None, now: datetime
    ) -> Sequence[StoredMessage]:
        """Add messages to a session without a run, all or none; return them in their places, without their bytes.

        They come after all that was said before, and are as much a part of the session's turns: each message of a user
        begins one. What an assistant or a tool says first continues the last turn if that was added too. The session is
        active ``now``. Raises :class:`~agentos.errors.SessionNotFound`, and :class:`~agentos.errors.SessionBusy` while
        a run of the session has not ended.
        """

    @abstractmethod
    def remove_message(self, session_id: str, sequence: int, *, owner: str | None) -> bool:
        """Remove a message that was added, with the session's summary; return whether it was there.

        Its sequence is not used again. Raises :class:`~agentos.errors.InvalidRequest` for a message of a run.
        """

    @abstractmethod
    def fork(
        self,
        session_id: str,
        fork_id: str,
        changes: SessionChanges,
        *,
        before_run_id: str | None = None,
        owner: str | None,
        now: datetime,
        idempotency: IdempotencyKey | None = None,
    ) -> Session | Replay:
        """Add a session with a new id that begins with what was said in another one; return it, or the replay.

        It has the messages before a run, or all that are there, in the same places, with the same run ids and
        attachments. They are its own as added messages are: what is deleted of one session stays in the other. Runs are
        not copied. ``changes`` say what is not as in the other session. Its state is copied with the whole transcript
        only, and so is the summary.

        The run is one of the session or, where that is a fork itself, one that its messages came from; a run that left
        no messages has its place too. Raises :class:`~agentos.errors.SessionNotFound`,
        :class:`~agentos.errors.RunNotFound` for a run that is neither, and :class:`~agentos.errors.InvalidRequest` for
        more than :mod:`agentos.storage.forks` allows.
        """

    @abstractmethod
    def put_summary(self, session_id: str, summary: Summary, *, owner: str | None) -> None:
        """Keep the session's summary in place of the one before; raises ``SessionNotFound``."""

    @abstractmethod
    def get_summary(self, session_id: str, *, owner: str | None) -> Summary | None:
        """Return the session's summary; raises ``SessionNotFound``."""
