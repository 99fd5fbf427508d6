"""Runs from their admission to their end: the contract of their store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agentos.domain.activity import Backlog
from agentos.domain.checkpoint import Checkpoint
from agentos.domain.event import Frame
from agentos.domain.message import Message
from agentos.domain.pending import Answer, PendingAction
from agentos.domain.run import BusyPolicy, Run, RunStatus
from agentos.domain.session_state import StateChange
from agentos.domain.stored_request import StoredRequest
from agentos.storage.admission import Admission, Ended, Lease, Quota, Unattended
from agentos.storage.idempotency import IdempotencyKey, Replay
from agentos.storage.paging import Cursor, Page, Paging
from agentos.storage.pauses import Answered, PendingFilter, WaitingAction
from agentos.storage.records import NO_RECORDS, Record, RecordKey

CLAIM_WITHIN = 30.0
"""Seconds in which a worker should have claimed a run that was submitted; after that, sweepers submit it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Exact matches, and-ed; ``None`` matches everything. Runs were created at ``since`` or later, before ``until``."""

    owner: str | None = None
    session_id: str | None = None
    agent_id: str | None = None
    status: RunStatus | None = None
    since: datetime | None = None
    until: datetime | None = None
    parent_run_id: str | None = None  # the run that made them

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
    records: int = 0

    def __add__(self, other: Deleted) -> Deleted:
        return Deleted(**{name: getattr(self, name) + getattr(other, name) for name in self.__slots__})


class RunStore(ABC):
    """Runs: their place in their session's queue, their worker, their end."""

    @abstractmethod
    def admit(
        self,
        run: Run,
        *,
        claim: Lease | None,
        owner: str | None,
        history_turns: int,
        concurrency: BusyPolicy = BusyPolicy.ENQUEUE,
        idempotency: IdempotencyKey | None = None,
        quota: Quota = Quota(),  # noqa: B008 - frozen
        claim_within: float = CLAIM_WITHIN,
    ) -> Admission | Replay:
        """Accept a run durably: give it its place in its session's queue, and claim it in the same transaction.

        With ``claim`` it comes back ``running`` at attempt 1, with its history; or ``queued`` behind an older
        unfinished run of its session, leased to that worker, which waits with it for its turn. Without, it is
        ``queued`` at attempt 0 until a worker claims it; if none does in ``claim_within`` seconds, :meth:`unattended`
        names it.

        Its attachments have the data that was given and a ``reference``; those of the
        history have no data. Counts as activity of the session. With an idempotency key that was used before,
        nothing is written and the replay is returned; the key is kept in the same transaction as the run.

        The session is looked for among those of ``owner``. A run in a session gets the session's owner, and comes back
        with it; one without a session keeps ``run.owner``. Raises :class:`~agentos.errors.RateLimited` when the
        ``quota`` is used up, with every ``concurrency``; exactly, also when several are admitted at the same time.

        ``concurrency`` applies to the session's unfinished runs. ``reject`` raises
        :class:`~agentos.errors.SessionBusy`; so does ``enqueue`` if one of them is paused and was not asked to stop. If
        one is, the error has the ids of what that run waits for. ``interrupt`` and ``rollback`` ask them to stop as
        :meth:`request_cancel` does, in the same transaction; the caller ends those that no worker has. Raises
        :class:`~agentos.errors.SessionNotFound`.
        """

    @abstractmethod
    def claim(self, run_id: str, lease: Lease, *, now: datetime) -> Admission | None:
        """Give a run that is there to a worker: it comes back ``running``, with what it needs to go on.

        Claimed are runs that are ``queued`` and that no worker has, that wait in this worker, or that have a lease
        which has run out. ``started_at`` becomes ``now`` if it has none. ``attempt`` counts up unless the run waited
        in this worker; ``crashes`` counts up if it was ``running`` at a lost worker, which may be this one.
        ``history`` is ``None``.

        ``None`` while an older run of its session is unfinished. Raises :class:`~agentos.errors.SessionBusy` if that
        one is paused, was not asked to stop, and this one waits in this worker, which should give it up. A queued run
        that was asked to stop is not claimed either (``None``): its worker, the caller of :meth:`request_cancel` or a
        sweep ends it. A lost one that was asked to stop while it was executed is claimed, to be ended. Raises
        :class:`~agentos.errors.RunNotFound` when the run is gone, has ended, is paused, is executed by this worker, or
        is another worker's.
        """

    @abstractmethod
    def window(self, session_id: str, *, turns: int) -> Sequence[Message]:
        """Return the messages of a session's last turns, oldest first, as :meth:`admit` does."""

    @abstractmethod
    def pause(
        self,
        run: Run,
        *,
        checkpoints: Sequence[Checkpoint],
        actions: Sequence[PendingAction],
        frames: Sequence[Frame] = (),
        records: Sequence[Record] = (),
        limit: int | None = None,
    ) -> bool:
        """Save a run as ``paused``, with all that it needs to go on and what it waits for, all or nothing.

        It has no worker after that, and keeps its place. What it said and used so far is in its row. ``records`` are
        put in the same transaction. The actions of an earlier pause, which are answered, are kept.

        Fenced by ``run.attempt``: returns ``False`` and writes nothing when the run has ended, is another worker's, or
        is gone; ``True`` also if this very pause was saved before. Raises :class:`~agentos.errors.RunCancelled` if the
        run was asked to stop, and :class:`~agentos.errors.RateLimited` if its owner has ``limit`` paused runs. Raises
        ``ValueError``, a caller's bug, without an action.
        """

    @abstractmethod
    def answer(
        self,
        run_id: str,
        answers: Mapping[str, Answer],
        *,
        owner: str | None,
        forget: Sequence[RecordKey] = (),
        claim_within: float = CLAIM_WITHIN,
        late: bool = False,
        records: Mapping[str, Record] = NO_RECORDS,
    ) -> Answered:
        """Save answers by the ids of actions; with the last one the run is ``queued`` again, for any worker to claim.

        The same answer again changes nothing, also after the end of the run. All or nothing: raises
        :class:`~agentos.errors.AlreadyAnswered` for another one, :class:`~agentos.errors.PendingExpired` by database
        time, :class:`~agentos.errors.NotFound` for an id that is not this run's, :class:`~agentos.errors.RunFinished`,
        and :class:`~agentos.errors.RunNotFound`. A run that was asked to stop takes none (``RunFinished``). ``forget``
        names records to delete when the run is resumed. ``records``, by an action's id, are put with new answers.

        With ``late``, the answers are those of an expiry (``answered_by`` is ``EXPIRY``): each is saved if its action
        has no answer and its time is over, by database time. A person's answer after it raises ``PendingExpired``.
        """

    @abstractmethod
    def waiting(self, where: PendingFilter, paging: Paging, *, oldest_first: bool = False) -> Page[WaitingAction]:
        """Return the actions of paused runs that wait for an answer, newest (``created_at``, then id) first or last."""

    @abstractmethod
    def count_waiting(self, where: PendingFilter) -> int:
        """Return how many actions :meth:`waiting` would list in all."""

    @abstractmethod
    def action(self, action_id: str) -> WaitingAction | None:
        """Return one action of a run, with its answer if it has one; ``None``: there is none of this id."""

    @abstractmethod
    def actions(self, run_id: str) -> Sequence[PendingAction]:
        """Return all actions of a run in the order of their making, with their answers."""

    @abstractmethod
    def checkpoints(self, run_id: str) -> Sequence[Checkpoint]:
        """Return the checkpoints of a run, in order."""

    @abstractmethod
    def finish(
        self,
        run: Run,
        *,
        messages: Sequence[Message] = (),
        frames: Sequence[Frame] = (),
        state: StateChange | None = None,
        records: Sequence[Record] = (),
    ) -> Ended | None:
        """End a run: its final state, the turn's messages, the session's counters and its last frames, all or nothing.

        With ``state``, the session's state becomes its outcome, and ``version`` counts up. Raises what
        :meth:`~agentos.domain.session_state.StateChange.outcome` does; then nothing was written. ``records`` are put in
        the same transaction. Its checkpoints, and actions without an answer, are deleted.

        ``run.status`` is one of the three ends. Fenced by ``run.attempt``: returns ``None`` and writes nothing when
        the run has ended already, is another worker's, or is gone. So any worker that has read a run can end it if the
        run is paused or no worker has claimed it.

        The messages become the session's next turn, unless the run was asked to stop and be forgotten, however it
        ended: it counts as a run of the session with the tokens that it used, is in no history, and changes no state.
        """

    @abstractmethod
    def get(self, run_id: str, *, owner: str | None) -> Run | None:
        """Return one run, with its steps; a paused one with the actions that wait (``pending``)."""

    @abstractmethod
    def request(self, run_id: str, *, owner: str | None) -> StoredRequest | None:
        """Return what is kept of a run's request, with the messages that its client sent; ``None``: no such run."""

    @abstractmethod
    def list(self, where: RunFilter, paging: Paging) -> Page[Run]:
        """Return runs, newest (``created_at``, then id) first, without their steps."""

    # --- stopping --------------------------------------------------------------------------------------------------

    @abstractmethod
    def request_cancel(self, run_id: str, *, owner: str | None, forget: bool = False) -> Run | None:
        """Ask the worker of an unfinished run to stop it, and return the run as it is; ``None`` if there is none.

        With ``forget`` it will leave nothing in the history. A run that has ended is returned unchanged. Of an
        unfinished one, ``worker_id`` is known: without a worker, the caller has to :meth:`finish` it.
        """

    @abstractmethod
    def request_cancel_of_owner(self, data_owner: str, *, user_id: str | None = None) -> Sequence[Run]:
        """Ask all unfinished runs of an owner to stop, as :meth:`request_cancel` does; return them.

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
    def unattended(self, *, limit: int) -> Unattended:
        """Return runs, up to ``limit`` of each kind, that no living worker looks after. By database time.

        ``unclaimed`` and ``lost`` could be claimed now: no older run of their session is unfinished. ``unclaimed`` were
        not claimed in the time that they should have been.
        """

    # --- for those who watch ----------------------------------------------------------------------------------------

    def backlog(self) -> Backlog | None:
        """Return how many runs of all owners wait, and since when. ``None``: this backend does not count them.

        Asked every few seconds by each worker that shows metrics, so it must be cheap with very many runs.
        """
        return None

    # --- deleting --------------------------------------------------------------------------------------------------

    @abstractmethod
    def delete(self, run_id: str, *, owner: str | None) -> Run | None:
        """Delete a run that has ended or is paused, with all that belongs to it; return it as it was.

        Any other run is returned and stays; ``None`` if there is none. Its session counts one run less and
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
