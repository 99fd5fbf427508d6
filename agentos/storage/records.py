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
from agentos.domain.text import CONTROL
from agentos.errors import PreconditionFailed
from agentos.storage.admission import Lease
from agentos.storage.json_text import dumps
from agentos.storage.paging import Cursor, Page, Paging

LONGEST_NAME = 255
"""Characters of an owner and of an id."""

LONGEST_COLLECTION = 64
"""Characters of a collection. The three together fit into a key of an index of PostgreSQL, which has 2704 bytes."""

LARGEST_DOCUMENT = 256 * 1024
"""Characters of a document as JSON, in ASCII."""

LARGEST_VALUE = 2**53
"""The largest absolute value of a counter: every JSON parser reads it exactly, and no database overflows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A small JSON document. ``collection``, ``owner`` and ``id`` name it together.

    ``due_at`` is when a job has to be done with it; ``None``: never. ``version`` counts its changes from 1.
    ``attempts`` counts how often it was taken since it was put. ``value`` is what :meth:`RecordStore.add` counts.

    >>> Record(collection="webhooks", id="42", owner="acme", document={"url": "https://example.com"}).owner
    'acme'

    Raises ``TypeError`` or ``ValueError`` for a name, or a time, that cannot be one.
    """

    collection: str
    id: str
    owner: str = ANONYMOUS
    document: Mapping[str, Any] = field(default_factory=dict)
    due_at: datetime | None = None
    version: int = 0
    attempts: int = 0
    value: int = 0

    def __post_init__(self) -> None:
        check_name("collection", self.collection, LONGEST_COLLECTION)
        check_name("owner", self.owner)
        check_name("id", self.id)
        if self.due_at is not None and (not isinstance(self.due_at, datetime) or self.due_at.tzinfo is None):
            raise ValueError(f"due_at is {self.due_at!r:.100}; accepted: a datetime with a time zone, or None")

    @property
    def key(self) -> RecordKey:
        """What names it."""
        return RecordKey(self.collection, self.owner, self.id)


NO_RECORDS: Mapping[str, Record] = {}


class RecordKey(NamedTuple):
    """What names a record."""

    collection: str
    owner: str
    id: str


def is_name(text: str, longest: int = LONGEST_NAME) -> bool:
    """Return whether a collection, an owner or an id may be called so; a record with another name cannot be there."""
    return 1 <= len(text) <= longest and not CONTROL.search(text)


def check_name(what: str, name: object, longest: int = LONGEST_NAME) -> None:
    """Raise ``TypeError`` or ``ValueError`` unless a collection, an owner or an id may be called so."""
    if not isinstance(name, str):
        raise TypeError(f"the {what} of a record is {name!r:.100}; accepted: a text")
    if not is_name(name, longest):
        raise ValueError(
            f"the {what} of a record is {name!r:.100}, with {len(name)} characters; accepted: 1 to {longest}"
            " characters, no control characters"
        )


def document_text(record: Record) -> str:
    """Return a record's document as JSON; raise ``TypeError`` or ``ValueError`` for what cannot be stored."""
    if not isinstance(record.document, Mapping):
        raise TypeError(f"the document of record {record.id!r} is a {type(record.document).__name__}; accepted: a dict")
    text = dumps(record.document)
    if len(text) > LARGEST_DOCUMENT:
        raise ValueError(
            f"the document of record {record.id!r} of {record.collection!r} has {len(text)} characters of JSON;"
            f" accepted: up to {LARGEST_DOCUMENT}"
        )
    return text


def check_value(name: str, value: object) -> None:
    """Raise ``ValueError`` unless a counter can be changed by, or limited to, this number."""
    if not isinstance(value, int) or abs(value) > LARGEST_VALUE:
        raise ValueError(f"the {name} of a counter is {value!r:.100}; accepted: an integer from -2**53 to 2**53")


def not_at(record: Record, expected_version: int) -> PreconditionFailed:
    """Return the error for a record that is at another version than the expected one."""
    where = "is there already" if expected_version == 0 else f"is not at version {expected_version}, or is gone"
    return PreconditionFailed(f"record {record.id!r} of {record.collection!r} {where}; read it again")


class RecordStore(ABC):
    """Records by collection, owner and id.

    A collection is 1 to 64 characters, an owner and an id 1 to 255, without control characters; a document is at most
    256 KiB as JSON. What is longer raises ``ValueError`` where it is written, and is not there where it is read.
    """

    @abstractmethod
    def put(self, record: Record, *, expected_version: int | None = None) -> Record:
        """Add or replace a record, and return it with its new version; a lease on it and ``attempts`` end.

        ``expected_version`` is the one that is to be replaced, 0 for a record that is not there; raises
        :class:`~agentos.errors.PreconditionFailed` if it is another. ``value`` stays what it is, 0 for a new one.
        """

    @abstractmethod
    def get(self, collection: str, id: str, *, owner: str) -> Record | None:
        """Return a record."""

    @abstractmethod
    def list(self, collection: str, paging: Paging, *, owner: str | None) -> Page[Record]:
        """Return a collection's records by time of their making, newest first; with ``None``, of all owners."""

    @abstractmethod
    def delete(self, collection: str, id: str, *, owner: str, expected_version: int | None = None) -> bool:
        """Delete a record; return whether it was there, and at that version."""

    @abstractmethod
    def delete_of_owner(self, data_owner: str, *, limit: int) -> int:
        """Delete up to ``limit`` records of an owner; return how many. Call until 0."""

    @abstractmethod
    def add(self, collection: str, id: str, delta: int, *, owner: str, limit: int | None = None) -> int | None:
        """Add to a record's ``value`` in one statement and return the sum; make the record where it is not there.

        ``None``, and nothing is changed, if the sum would be more than ``limit``, or its absolute value more than
        :data:`LARGEST_VALUE`. The version stays: who replaces the document meanwhile loses no count.
        """

    # --- what jobs do ------------------------------------------------------------------------------------------------

    @abstractmethod
    def take_due(self, collections: Collection[str], lease: Lease, *, limit: int) -> Sequence[Record]:
        """Lease up to ``limit`` records that are due and that no worker has, the longest due first.

        By database time. Of several workers that ask at the same moment, each gets others. One that is neither put,
        deleted nor given back before its lease runs out is taken again: a job is done at least once. ``version`` counts
        up, so that only the last worker that took it can say what becomes of it.
        """

    @abstractmethod
    def renew(self, records: Sequence[Record], lease: Lease) -> None:
        """Prolong the leases of records that this worker took, from now on. Those that it lost stay as they are."""

    @abstractmethod
    def give_back(self, record: Record, *, seconds: float) -> bool:
        """End the lease of a record that was taken: it is due again in so many seconds, and keeps its ``attempts``.

        ``False``, and nothing is changed, if it is at another version. By database time.
        """

    @abstractmethod
    def next_due(self, collections: Collection[str]) -> float | None:
        """Return in how many seconds the next record is due that no worker has; ``None``: none is, 0: now."""


def place_of(key: RecordKey, created_at: datetime) -> Cursor:
    """Return a record's place in the list of its collection. Two owners may have made the same id at the same time."""
    return Cursor(created_at, f"{key.id}\n{key.owner}")


def id_and_owner(cursor: Cursor) -> tuple[str, str]:
    """Return what :func:`place_of` put into a cursor's id; a name has no line end."""
    id, _, owner = cursor.id.partition("\n")
    return id, owner
