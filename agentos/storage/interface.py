"""The contract of a storage backend, in the terms of the domain: a store for each kind of thing.

Everything that a method writes is one transaction, committed when it returns. Every method raises
:class:`~agentos.errors.StorageError` when the database did not take or give the data, and only then.

Sessions and runs have an owner. Methods that take a client's id take ``owner`` too, and see and change rows of that
owner alone (``None``: of all owners). The owner is a condition of the one statement that reads or writes: a row of
another owner behaves like a missing row.

The bytes of attachments are kept once per owner and content. Runs and messages come back with attachments that have a
``reference`` and a ``size`` but no ``data``; only ``attachments.read`` reads bytes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from agentos.domain.activity import PoolUse
from agentos.domain.times import utc_now
from agentos.storage.agents import AgentStore
from agentos.storage.aliases import AliasStore
from agentos.storage.attachments import AttachmentStore
from agentos.storage.events import EventStore
from agentos.storage.idempotency import IdempotencyStore
from agentos.storage.keys import KeyStore
from agentos.storage.records import RecordStore
from agentos.storage.runs import RunStore
from agentos.storage.schema import SchemaState
from agentos.storage.sessions import SessionStore


@dataclass(kw_only=True, repr=False, eq=False)
class Storage(ABC):
    """The stores of one database. One instance a worker, made after its fork, used from many threads.

    The stores share the database. ``runs.admit`` writes a run, its idempotency key and its attachments in one
    transaction.
    """

    agents: AgentStore
    keys: KeyStore
    sessions: SessionStore
    runs: RunStore
    events: EventStore
    idempotency: IdempotencyStore
    attachments: AttachmentStore
    aliases: AliasStore
    records: RecordStore

    @abstractmethod
    def upgrade(self) -> None:
        """Bring the schema to this version's revision, under a lock that holds across processes."""

    @abstractmethod
    def schema(self) -> SchemaState:
        """Return the schema's revision and the one needed."""

    @abstractmethod
    def check(self) -> None:
        """Raise :class:`~agentos.errors.StorageError` unless the database answers now."""

    def now(self) -> datetime:
        """Return the present time, aware, by the clock that all workers share: the database's.

        A backend that has no clock of its own leaves this as it is.
        """
        return utc_now()

    @property
    def directory(self) -> Path | None:
        """The directory on this machine's disk that the data is in; ``None`` where it is in none.

        A backend without files leaves this as it is.
        """
        return None

    def durability(self) -> Sequence[str] | None:
        """Return what in the database's settings breaks a promise, a sentence each; ``None``: it has no such settings.

        Asks the database, as :meth:`check` does.
        """
        return None

    def pool(self) -> PoolUse | None:
        """Return how many connections to the database are in use, at once; ``None`` where there is no pool."""
        return None

    @abstractmethod
    def shrink(self) -> bool:
        """Give the space of deleted rows back to the file system; ``False`` where the database does that by itself.

        Nothing can be written meanwhile, for as long as copying the database takes.
        """

    @abstractmethod
    def close(self) -> None:
        """Close all connections."""
