"""The contract of a storage backend, in the terms of the domain.

Everything a method writes is one transaction, committed when it returns. Every method raises
:class:`~agentos.errors.StorageError` when the database did not take or give the data, and only then.

Sessions and runs have an owner. Methods that a client's id reaches take ``owner``, whose things alone they see and
touch (``None``: everybody's), as a condition of the one statement that reads or writes: what is somebody else's is as
if it were not there.

The bytes of attachments are kept once per owner and content. Runs and messages come back with attachments that have a
``reference`` and a ``size`` but no ``data``; only :meth:`Storage.read_attachment` reads bytes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence, Set
from datetime import datetime

from agentos.domain.event import Frame
from agentos.domain.message import Message
from agentos.domain.run import Concurrency, Run
from agentos.domain.session import Session, Summary
from agentos.storage.values import (
    Admission,
    Cursor,
    Deleted,
    FrameBatch,
    History,
    IdempotencyKey,
    Lease,
    Page,
    Paging,
    Quota,
    Repeat,
    RunFilter,
    SchemaState,
    SessionChanges,
    SessionFilter,
    StoredAgent,
    StoredKey,
)


class Storage(ABC):
    """Keeps what the server must not lose. One instance a worker, made after its fork, used from many threads."""

    # --- the database itself -------------------------------------------------------------------------------------

    @abstractmethod
    def upgrade(self) -> None:
        """Bring the schema to this version's revision, under a lock that holds across processes."""

    @abstractmethod
    def schema(self) -> SchemaState:
        """Return the schema's revision and the one needed."""

    @abstractmethod
    def check(self) -> None:
        """Raise :class:`~agentos.errors.StorageError` unless the database answers now."""

    @abstractmethod
    def shrink(self) -> bool:
        """Give the space of deleted rows back to the file system; ``False`` where the database does that by itself.

        Nothing can be written meanwhile, for as long as copying the database takes.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of all connections."""

    # --- agents that were registered by HTTP or CLI ----------------------------------------------------------------

    @abstractmethod
    def add_agent(self, agent: StoredAgent) -> bool:
        """Add an agent; return ``False`` and change nothing if its id is taken."""

    @abstractmethod
    def replace_agent(self, agent: StoredAgent) -> bool:
        """Replace an agent's document (``created_at`` stays); return ``False`` if there is none."""

    @abstractmethod
    def get_agent(self, agent_id: str) -> StoredAgent | None:
        """Return one agent."""

    @abstractmethod
    def list_agents(
        self, *, limit: int, after: str = "", offset: int = 0, leave_out: Collection[str] = ()
    ) -> Sequence[StoredAgent]:
        """Return up to ``limit`` agents by the code points of their ids.

        The list begins behind the id ``after``, then skips ``offset`` agents. Ids in ``leave_out`` are not part of it.
        The documents have the fields :data:`~agentos.storage.values.LISTED` alone.
        """

    @abstractmethod
    def delete_agent(self, agent_id: str) -> bool:
        """Delete an agent; return whether it was there. Its sessions and runs stay."""

    # --- API keys --------------------------------------------------------------------------------------------------

    @abstractmethod
    def add_key(self, key: StoredKey, *, new_owner: bool = False) -> StoredKey | None:
        """Add an API key whose id is new, and return ``None``.

        With ``new_owner``, add nothing if the key's owner is the name or the owner of another key, also of one that has
        expired or was revoked; return the oldest such key. Check and insert are one: of simultaneous calls, one adds.
        """

    @abstractmethod
    def get_key(self, key_id: str) -> StoredKey | None:
        """Return one API key, also one that has expired or was revoked. Asked at every request: never from a cache."""

    @abstractmethod
    def list_keys(self) -> Sequence[StoredKey]:
        """Return all API keys, the oldest first."""

    @abstractmethod
    def revoke_key(self, key_id: str, *, now: datetime) -> StoredKey | None:
        """Revoke an API key for good and return it; ``None`` if there is none. The first revocation's time stays."""

    # --- sessions --------------------------------------------------------------------------------------------------

    @abstractmethod
    def create_session(self, session: Session, *, idempotency: IdempotencyKey | None = None) -> Repeat | None:
        """Add a session whose id is new; with a key that was used before, add nothing and return the repeat."""

    @abstractmethod
    def get_session(self, session_id: str, *, owner: str | None) -> Session | None:
        """Return one session."""

    @abstractmethod
    def list_sessions(self, where: SessionFilter, paging: Paging) -> Page[Session]:
        """Return sessions, newest activity (``updated_at``, then id) first."""

    @abstractmethod
    def count_sessions(self, where: SessionFilter) -> int:
        """Return how many sessions match."""

    @abstractmethod
    def update_session(
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
    def delete_session(self, session_id: str, *, owner: str | None) -> bool:
        """Delete a session with its messages, runs and events; return whether it was there."""

    @abstractmethod
    def delete_sessions(self, where: SessionFilter, *, limit: int) -> int:
        """Delete up to ``limit`` matching sessions, the oldest activity first; return how many. Call until 0."""

    @abstractmethod
    def history(self, session_id: str, *, owner: str | None, limit: int, before: int | None = None) -> History:
        """Return the last ``limit`` messages whose sequence is less than ``before``, and the runs they came from.

        Runs that left no message stand where their position is; the last page has those after its last message too.
        A page has the latest of them, up to 1000 or some megabytes, for nothing else bounds them. Runs under way are
        not in it yet, and those that were asked to be forgotten never. Raises :class:`~agentos.errors.SessionNotFound`.
        """

    @abstractmethod
    def put_summary(self, session_id: str, summary: Summary, *, owner: str | None) -> None:
        """Keep the session's summary in place of the one before; raises ``SessionNotFound``."""

    @abstractmethod
    def get_summary(self, session_id: str, *, owner: str | None) -> Summary | None:
        """Return the session's summary; raises ``SessionNotFound``."""

    # --- requests that come again ----------------------------------------------------------------------------------

    @abstractmethod
    def find_repeat(self, idempotency: IdempotencyKey) -> Repeat | None:
        """Return what a key was used for, unless that was too long ago.

        Only :meth:`admit_run` and :meth:`create_session` decide between two requests at once; this is for answering a
        repeat before anything about it is refused.
        """

    # --- runs ------------------------------------------------------------------------------------------------------

    @abstractmethod
    def admit_run(
        self,
        run: Run,
        lease: Lease,
        *,
        owner: str | None,
        history_turns: int,
        concurrency: Concurrency = Concurrency.ENQUEUE,
        hold: bool = False,
        idempotency: IdempotencyKey | None = None,
        quota: Quota = Quota(),  # noqa: B008 - frozen
    ) -> Admission | Repeat:
        """Accept a run durably: give it its place in its session's order and lease it to a worker.

        It comes back ``running`` with its history, or ``queued`` behind an older unfinished run of its session, or
        because ``hold`` asks for that. Its attachments have the data that was given and a ``reference``; those of the
        history have no data. Counts as activity of the session. With an idempotency key that was used before,
        nothing is written and the repeat is returned; the key is kept in the same transaction as the run.

        ``owner`` is whose sessions the caller sees. A run in a session becomes the session's owner's, which it comes
        back with; one without a session is ``run.owner``'s. With a ``quota`` that is used up (unfinished runs count,
        queued ones too, exactly, whatever comes at the same time) raises :class:`~agentos.errors.RateLimited`,
        whatever its ``concurrency`` would do.

        ``concurrency`` applies to the session's unfinished runs: ``reject`` raises
        :class:`~agentos.errors.SessionBusy`; ``interrupt`` and ``rollback`` ask them to stop as
        :meth:`request_cancel` does, in the same transaction. Raises :class:`~agentos.errors.SessionNotFound`.
        """

    @abstractmethod
    def claim_turn(self, run: Run, *, history_turns: int, now: datetime) -> Admission | None:
        """Start a queued run if no older run of its session is unfinished; ``None``: not yet.

        One that was asked to stop does not start any more: its worker hears of that and ends it. ``started_at`` becomes
        ``now``. Fenced by ``run.attempt``: raises :class:`~agentos.errors.RunNotFound` when the run is gone, has ended,
        or is another worker's.
        """

    @abstractmethod
    def finish_run(self, run: Run, *, messages: Sequence[Message] = (), frames: Sequence[Frame] = ()) -> bool:
        """End a run: its final state, the turn's messages, the session's counters and its last frames, all or nothing.

        ``run.status`` is one of the three ends. Fenced by ``run.attempt``: returns ``False`` and writes nothing when
        the run has ended already, is another worker's, or is gone. The messages become the session's next turn,
        unless the run was asked to stop and be forgotten, however it ended: it counts as a run of the session with the
        tokens that it used, and is in no history.
        """

    @abstractmethod
    def request_cancel(self, run_id: str, *, owner: str | None, forget: bool = False) -> Run | None:
        """Ask whoever executes an unfinished run to stop it, and return the run as it is; ``None`` if there is none.

        With ``forget`` it will leave nothing in the history. A run that has ended is returned unchanged.
        """

    @abstractmethod
    def cancel_requests(self, lease_owner: str) -> Sequence[str]:
        """Return the ids of a lease owner's unfinished runs that were asked to stop. Asked a few times a second."""

    @abstractmethod
    def leased_runs(self, lease_owner: str) -> Set[str]:
        """Return the ids of a lease owner's unfinished runs. Asked twice a second: a run that is gone is missing."""

    @abstractmethod
    def get_run(self, run_id: str, *, owner: str | None) -> Run | None:
        """Return one run."""

    @abstractmethod
    def delete_run(self, run_id: str, *, owner: str | None) -> Run | None:
        """Delete a run that has ended, with its events, messages and attachments; return it as it was.

        A run that has not ended is returned and stays; ``None`` if there is none. Its session counts one run less and
        the tokens of that run less. No message gets another sequence. If the run left messages, the session's summary
        goes too, as it may quote them.
        """

    @abstractmethod
    def list_runs(self, where: RunFilter, paging: Paging) -> Page[Run]:
        """Return runs, newest (``created_at``, then id) first."""

    @abstractmethod
    def renew_leases(self, lease: Lease) -> Sequence[str]:
        """Prolong all unfinished runs of the lease's owner in one statement; return their ids. By database time."""

    @abstractmethod
    def take_lost_runs(self, lease: Lease, *, limit: int) -> Sequence[Run]:
        """Take over up to ``limit`` unfinished runs whose lease ran out: count ``attempt`` up, lease them anew."""

    # --- attachments -----------------------------------------------------------------------------------------------

    @abstractmethod
    def read_attachment(self, reference: str, *, owner: str | None) -> bytes | None:
        """Return the bytes of the attachment with a ``reference``; ``None`` if there are none.

        An attachment of another owner behaves like one that does not exist. The bytes are deleted with the last run of
        their owner that has them.
        """

    # --- events ----------------------------------------------------------------------------------------------------

    @abstractmethod
    def append_frames(self, batches: Sequence[FrameBatch]) -> Set[str]:
        """Append to the event logs of many runs in one transaction; return the ids of the runs that were left out.

        Left out are runs that are gone, have ended, or are at another attempt than their batch.
        """

    @abstractmethod
    def read_frames(self, run_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Frame]:
        """Return up to ``limit`` frames whose number is greater than ``after``, in order.

        Of any owner's run: whoever asks has found the run by :meth:`get_run`, and no run changes its owner.
        """

    # --- housekeeping ----------------------------------------------------------------------------------------------

    @abstractmethod
    def delete_frames(self, *, ended_before: datetime, limit: int) -> int:
        """Delete the event logs of up to ``limit`` runs that ended before a time; return how many. Call until 0.

        Of a run that has ended, no frame left means that its log has expired: each one that ends leaves its last frame.
        """

    @abstractmethod
    def delete_runs(
        self, *, ended_before: datetime, after: Cursor | None = None, limit: int
    ) -> tuple[int, Cursor | None]:
        """Look at up to ``limit`` runs after a place, the oldest first; delete those that have no session.

        Only those that ended before a time; the list ends with those that were made before it. Return how many were
        deleted, and the place to go on; ``None`` at the end.
        """

    @abstractmethod
    def delete_idempotency_keys(self, *, created_before: datetime, limit: int) -> int:
        """Delete up to ``limit`` keys that were kept before a time; return how many. Call until 0."""

    # --- all that an owner has -------------------------------------------------------------------------------------

    @abstractmethod
    def cancel_runs(self, data_owner: str, *, user_id: str | None = None) -> Sequence[str]:
        """Ask all unfinished runs of an owner to stop, as :meth:`request_cancel` does; return their ids.

        With ``user_id``, only runs of that user, and those in a session of that user.
        """

    @abstractmethod
    def delete_owner_runs(
        self, data_owner: str, *, user_id: str | None = None, after: Cursor | None = None, limit: int
    ) -> tuple[Deleted, Cursor | None]:
        """Look at up to ``limit`` runs of an owner after a place, the oldest first, and delete them.

        As :meth:`delete_run` does, but also those that have not ended.
        With ``user_id``, only runs of that user, and those in a session of that user. Return what was deleted, and the
        place to go on; ``None`` at the end.
        """
