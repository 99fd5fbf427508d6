"""Small durable records with a due time: the contract of their store.

Webhooks, schedules, budgets, expiries and memories are collections of records, and need no table of their own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from agentos.domain.principal import ANONYMOUS
from agentos.storage.admission import Lease
from agentos.storage.paging import Page, Paging


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A small JSON document. ``collection``, ``owner`` and ``id`` name it together.

    ``due_at`` is when a job has to be done with it; ``None``: never. ``version`` counts its changes from 1.
    ``attempts`` counts how often it was taken since it was put. ``value`` is what :meth:`RecordStore.add` counts.
    """

    collection: str
    id: str
    owner: str = ANONYMOUS
    document: Mapping[str, Any] = field(default_factory=dict)
    due_at: datetime | None = None
    version: int = 0
    attempts: int = 0
    value: int = 0

    @property
    def key(self) -> RecordKey:
        """What names it."""
        return RecordKey(self.collection, self.owner, self.id)


class RecordKey(NamedTuple):
    """What names a record."""

    collection: str
    owner: str
    id: str


class RecordStore(ABC):
    """Records by collection, owner and id. A key is 1 to 255 characters without control characters."""

    @abstractmethod
    def put(self, record: Record, *, expected_version: int | None = None) -> Record:
        """Add or replace a record, and return it with its new version; a lease on it and ``attempts`` end.

        ``expected_version`` is the one that is to be replaced, 0 for a record that is not there; raises
        :class:`~agentos.errors.PreconditionFailed` if it is another. ``value`` stays what it is.
        """

    @abstractmethod
    def get(self, collection: str, id: str, *, owner: str) -> Record | None:
        """Return a record."""

    @abstractmethod
    def list(self, collection: str, paging: Paging, *, owner: str | None = None) -> Page[Record]:
        """Return a collection's records by time of their making, newest first; with ``None``, of all owners."""

    @abstractmethod
    def delete(self, collection: str, id: str, *, owner: str, expected_version: int | None = None) -> bool:
        """Delete a record; return whether it was there, and at that version."""

    @abstractmethod
    def delete_of_owner(self, owner: str, *, limit: int) -> int:
        """Delete up to ``limit`` records of an owner; return how many. Call until 0."""

    @abstractmethod
    def take_due(self, collections: Collection[str], lease: Lease, *, limit: int) -> Sequence[Record]:
        """Lease up to ``limit`` records that are due and that no worker has, the longest due first.

        By database time. Of several workers that ask at the same moment, each gets others. One that is neither put nor
        deleted before its lease runs out is taken again: a job is done at least once. ``version`` counts up, so that
        only the last worker that took it can say what becomes of it.
        """

    @abstractmethod
    def next_due(self, collections: Collection[str]) -> float | None:
        """Return in how many seconds the next record is due that no worker has; ``None``: none is, 0: now."""

    @abstractmethod
    def add(self, collection: str, id: str, delta: int, *, owner: str, limit: int | None = None) -> int | None:
        """Add to a record's ``value`` in one statement and return the sum; make the record where it is not there.

        ``None``, and nothing is changed, if the sum would be more than ``limit``.
        """
