"""Records as plugins use them: small documents with a due time. What becomes due soon wakes the workers."""

from __future__ import annotations

from datetime import timedelta

from agentos.domain.times import utc_now
from agentos.execution.jobs import POLL, TOPIC
from agentos.execution.signals import Signals
from agentos.storage.paging import Page, Paging
from agentos.storage.records import Record, RecordStore


class RecordService:
    """The records of one deployment, by collection, owner and id.

    ``register_jobs`` has what is done with them when they are due. A collection is 1 to 64 characters, an owner and an
    id 1 to 255, without control characters; a document is at most 256 KiB as JSON. What is longer raises
    ``ValueError`` where it is written, and is not there where it is read.
    """

    def __init__(self, store: RecordStore, signals: Signals) -> None:
        self._store = store
        self._signals = signals

    def put(self, record: Record, *, expected_version: int | None = None) -> Record:
        """Add or replace a record, and return it with its new version; ``attempts`` begin anew, ``value`` stays.

        ``expected_version`` is the one that is to be replaced, 0 for a record that is not there; raises
        :class:`~agentos.PreconditionFailed` if it is another.

        >>> server.records.put(Record(collection="pings", id="1", due_at=tomorrow))  # doctest: +SKIP
        """
        kept = self._store.put(record, expected_version=expected_version)
        # What is due later is found in time: each worker asks every few seconds when the next record is due.
        if kept.due_at is not None and kept.due_at <= utc_now() + timedelta(seconds=POLL):
            self._signals.notify(TOPIC)
        return kept

    def get(self, collection: str, id: str, *, owner: str) -> Record | None:
        """Return a record."""
        return self._store.get(collection, id, owner=owner)

    def list(self, collection: str, paging: Paging, *, owner: str | None) -> Page[Record]:
        """Return a collection's records by time of their making, newest first; with ``None``, of all owners."""
        return self._store.list(collection, paging, owner=owner)

    def delete(self, collection: str, id: str, *, owner: str, expected_version: int | None = None) -> bool:
        """Delete a record; return whether it was there, and at that version."""
        return self._store.delete(collection, id, owner=owner, expected_version=expected_version)

    def add(self, collection: str, id: str, delta: int, *, owner: str, limit: int | None = None) -> int | None:
        """Add to a record's ``value`` and return the sum; make the record where it is not there.

        ``None``, and nothing is changed, if the sum would be more than ``limit``: exactly, however many callers add at
        the same time at different workers. A sum stays between -2**53 and 2**53. The version stays as it is.
        """
        return self._store.add(collection, id, delta, owner=owner, limit=limit)
