"""Runs from their admission to their end: the contract of their store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agentos.domain.event import Frame
from agentos.domain.message import Message
from agentos.domain.run import BusyPolicy, Run, RunStatus
from agentos.domain.session_state import StateChange
from agentos.storage.admission import Admission, Lease, Quota
from agentos.storage.idempotency import IdempotencyKey, Replay
from agentos.storage.paging import Cursor, Page, Paging


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Exact matches, and-ed; ``None`` matches everything."""

    owner: str | None = None
    session_id: str | None = None
    agent_id: str | None = None
    status: RunStatus | None = None

    def given(self) -> dict[str, Any]:
        """Return the matches that are asked for, by field name."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """How much of an owner's data was deleted."""

    sessions: int = 0
    runs: int = 0
    attachments: int = 0
    aliases: int = 0

    def __add__(self, other: Deleted) -> Deleted:
        return Deleted(**{name: getattr(self, name) + getattr(other, name) for name in self.__slots__})


def ended_at(run: Run) -> datetime:
    """Return when a run ended; raise ``ValueError``, a caller's bug, for one that is not at an end."""
    if not run.status.finished or run.ended_at is None:
        raise ValueError(
            f"run {run.id!r} has status {run.status.value!r} and ended_at {run.ended_at!r}; runs.finish takes"
            " 'completed', 'failed' or 'cancelled' and the time"
        )
    return run.ended_at


def said_at(run: Run, message: Message) -> datetime:
    """Return the time that a message of a finished run has: a user spoke at its admission, the others by its end."""
    return run.created_at if message.role == "user" else ended_at(run)


class RunStore(ABC):
    """Runs: their place in their session's queue, their worker, their end."""

    @abstractmethod
    def admit(
        self,
        run: Run,
        lease: Lease,
        *,
        owner: str | None,
        history_turns: int,
        concurrency: BusyPolicy = BusyPolicy.ENQUEUE,
        queued: bool = False,
        idempotency: IdempotencyKey | None = None,
        quota: Quota = Quota(),  # noqa: B008 - frozen
    ) -> Admission | Replay:
        """Accept a run durably: give it its place in its session's queue and lease it to a worker.

        It comes back ``running`` with its history, or ``queued`` behind an older unfinished run of its session, or
        because ``queued`` asks for that. Its attachments have the data that was given and a ``reference``; those of the
        history have no data. Counts as activity of the session. With an idempotency key that was used before,
        nothing is written and the replay is returned; the key is kept in the same transaction as the run.

        The session is looked for among those of ``owner``. A run in a session gets the session's owner, and comes back
        with it; one without a session keeps ``run.owner``. Raises :class:`~agentos.errors.RateLimited` when the
        ``quota`` is used up, with every ``concurrency``. All unfinished runs count, queued ones too, exactly, also when
        several are admitted at the same time.

        ``concurrency`` applies to the session's unfinished runs: ``reject`` raises
        :class:`~agentos.errors.SessionBusy`; ``interrupt`` and ``rollback`` ask them to stop as
        :meth:`request_cancel` does, in the same transaction. Raises :class:`~agentos.errors.SessionNotFound`.
        """

    @abstractmethod
    def start(self, run: Run, *, history_turns: int, now: datetime) -> Admission | None:
        """Start a queued run if no older run of its session is unfinished; ``None``: not yet.

        One that was asked to stop does not start any more: its worker finds the request and ends it. ``started_at``
        becomes ``now``. Fenced by ``run.attempt``: raises :class:`~agentos.errors.RunNotFound` when the run is gone,
        has ended, or is another worker's.
        """

    @abstractmethod
    def finish(
        self,
        run: Run,
        *,
        messages: Sequence[Message] = (),
        frames: Sequence[Frame] = (),
        state: StateChange | None = None,
    ) -> bool:
        """End a run: its final state, the turn's messages, the session's counters and its last frames, all or nothing.

        With ``state``, the session's state becomes its outcome, and ``version`` counts up. Raises what
        :meth:`~agentos.domain.session_state.StateChange.outcome` does; then nothing was written.

        ``run.status`` is one of the three ends. Fenced by ``run.attempt``: returns ``False`` and writes nothing when
        the run has ended already, is another worker's, or is gone. The messages become the session's next turn,
        unless the run was asked to stop and be forgotten, however it ended: it counts as a run of the session with the
        tokens that it used, is in no history, and changes no state.
        """

    @abstractmethod
    def get(self, run_id: str, *, owner: str | None) -> Run | None:
        """Return one run, with its steps."""

    @abstractmethod
    def list(self, where: RunFilter, paging: Paging) -> Page[Run]:
        """Return runs, newest (``created_at``, then id) first, without their steps."""

    # --- stopping --------------------------------------------------------------------------------------------------

    @abstractmethod
    def request_cancel(self, run_id: str, *, owner: str | None, forget: bool = False) -> Run | None:
        """Ask the worker of an unfinished run to stop it, and return the run as it is; ``None`` if there is none.

        With ``forget`` it will leave nothing in the history. A run that has ended is returned unchanged.
        """

    @abstractmethod
    def request_cancel_of_owner(self, data_owner: str, *, user_id: str | None = None) -> Sequence[str]:
        """Ask all unfinished runs of an owner to stop, as :meth:`request_cancel` does; return their ids.

        With ``user_id``, only runs of that user, and those in a session of that user.
        """

    # --- what a worker asks about its own runs -----------------------------------------------------------------------

    @abstractmethod
    def cancel_requests(self, worker_id: str) -> Sequence[str]:
        """Return the ids of a worker's unfinished runs that were asked to stop. Asked a few times a second."""

    @abstractmethod
    def leased(self, worker_id: str) -> Set[str]:
        """Return the ids of a worker's unfinished runs. Asked twice a second: a run that is gone is missing."""

    @abstractmethod
    def renew_leases(self, lease: Lease) -> Sequence[str]:
        """Prolong all unfinished runs of the lease's worker in one statement; return their ids. By database time."""

    @abstractmethod
    def take_lost(self, lease: Lease, *, limit: int) -> Sequence[Run]:
        """Take over up to ``limit`` unfinished runs with an expired lease: count ``attempt`` up, lease them anew."""

    # --- deleting --------------------------------------------------------------------------------------------------

    @abstractmethod
    def delete(self, run_id: str, *, owner: str | None) -> Run | None:
        """Delete a run that has ended, with its events, messages and attachments; return it as it was.

        A run that has not ended is returned and stays; ``None`` if there is none. Its session counts one run less and
        the tokens of that run less. No message gets another sequence. If the run left messages, the session's summary
        goes too, as it may quote them.
        """

    @abstractmethod
    def delete_old(
        self, *, ended_before: datetime, after: Cursor | None = None, limit: int
    ) -> tuple[int, Cursor | None]:
        """Look at up to ``limit`` runs after a place, the oldest first; delete those that have no session.

        Only those that ended before a time; the list ends with those that were made before it. Return how many were
        deleted, and the place to continue at; ``None`` at the end.
        """

    @abstractmethod
    def delete_of_owner(
        self, data_owner: str, *, user_id: str | None = None, after: Cursor | None = None, limit: int
    ) -> tuple[Deleted, Cursor | None]:
        """Look at up to ``limit`` runs of an owner after a place, the oldest first, and delete them.

        As :meth:`delete` does, but also those that have not ended.
        With ``user_id``, only runs of that user, and those in a session of that user. Return what was deleted, and the
        place to continue at; ``None`` at the end.
        """
