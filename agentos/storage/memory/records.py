"""Records in memory."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta

from agentos.domain.times import utc_now
from agentos.storage.admission import Lease
from agentos.storage.json_text import copied
from agentos.storage.memory.rows import MemoryStore, RecordRow
from agentos.storage.paging import Cursor, Page, Paging, page_of
from agentos.storage.records import (
    LARGEST_VALUE,
    Record,
    RecordKey,
    RecordStore,
    check_value,
    document_text,
    id_and_owner,
    not_at,
    place_of,
)


class MemoryRecordStore(MemoryStore, RecordStore):
    """Records by collection, owner and id. Due times are by the clock, leases by the monotonic one."""

    def put(self, record: Record, *, expected_version: int | None = None) -> Record:
        document_text(record)  # raises what a database would
        with self._lock:
            present = self._rows.records.get(record.key)
            version = 0 if present is None else present.record.version
            if expected_version is not None and expected_version != version:
                raise not_at(record, expected_version)
            return _copy(self._rows.put_record(record))

    def get(self, collection: str, id: str, *, owner: str) -> Record | None:
        with self._lock:
            row = self._rows.records.get(RecordKey(collection, owner, id))
            return None if row is None else _copy(row.record)

    def list(self, collection: str, paging: Paging, *, owner: str | None) -> Page[Record]:
        def place(row: RecordRow) -> tuple[object, ...]:
            return row.created_at, row.record.id, row.record.owner

        with self._lock:
            found = sorted(self._of(collection, owner), key=place, reverse=True)
            if paging.cursor is None:
                found = found[paging.offset :]
            else:
                after = (paging.cursor.time, *id_and_owner(paging.cursor))
                found = [row for row in found if place(row) < after]
            return page_of(found, paging, place=_cursor, convert=lambda rows: [_copy(row.record) for row in rows])

    def delete(self, collection: str, id: str, *, owner: str, expected_version: int | None = None) -> bool:
        with self._lock:
            row = self._rows.records.get(RecordKey(collection, owner, id))
            if row is None or expected_version not in (None, row.record.version):
                return False
            del self._rows.records[row.record.key]
            return True

    def delete_of_owner(self, data_owner: str, *, limit: int) -> int:
        with self._lock:
            found = [key for key in self._rows.records if key.owner == data_owner][:limit]
            for key in found:
                del self._rows.records[key]
            return len(found)

    def add(self, collection: str, id: str, delta: int, *, owner: str, limit: int | None = None) -> int | None:
        check_value("delta", delta)
        check_value("limit", 0 if limit is None else limit)
        new = Record(collection=collection, id=id, owner=owner)
        with self._lock:
            row = self._rows.records.get(new.key)
            value = delta if row is None else row.record.value + delta
            if value > (LARGEST_VALUE if limit is None else limit) or value < -LARGEST_VALUE:
                return None
            if row is None:
                self._rows.put_record(new)
                row = self._rows.records[new.key]
            row.record = replace(row.record, value=value)
            return value

    def take_due(self, collections: Collection[str], lease: Lease, *, limit: int) -> Sequence[Record]:
        with self._lock:
            now, until = utc_now(), time.monotonic() + lease.seconds
            due = [row for row in self._free(collections) if row.record.due_at is not None and row.record.due_at <= now]
            due.sort(key=lambda row: (row.record.due_at, row.record.key))
            for row in due[:limit]:
                row.worker_id, row.lease_until = lease.worker_id, until
                row.record = replace(row.record, version=row.record.version + 1, attempts=row.record.attempts + 1)
            return [_copy(row.record) for row in due[:limit]]

    def renew(self, records: Sequence[Record], lease: Lease) -> None:
        with self._lock:
            for record in records:
                row = self._at(record)
                if row is not None and row.worker_id == lease.worker_id:
                    row.lease_until = time.monotonic() + lease.seconds

    def give_back(self, record: Record, *, seconds: float) -> bool:
        with self._lock:
            row = self._at(record)
            if row is None:
                return False
            due_at = utc_now() + timedelta(seconds=seconds)
            row.record = replace(row.record, due_at=due_at, version=row.record.version + 1)
            row.worker_id, row.lease_until = None, 0.0
            return True

    def next_due(self, collections: Collection[str]) -> float | None:
        with self._lock:
            times = [row.record.due_at for row in self._free(collections) if row.record.due_at is not None]
            return max(0.0, (min(times) - utc_now()).total_seconds()) if times else None

    def _of(self, collection: str, owner: str | None) -> Sequence[RecordRow]:
        rows = self._rows.records.values()
        return [row for row in rows if row.record.collection == collection and owner in (None, row.record.owner)]

    def _free(self, collections: Collection[str]) -> Sequence[RecordRow]:
        """Return the records of some collections that no worker has."""
        now = time.monotonic()
        rows = self._rows.records.values()
        return [row for row in rows if row.record.collection in collections and row.lease_until <= now]

    def _at(self, record: Record) -> RecordRow | None:
        """Return a record's row if it is still at the record's version."""
        row = self._rows.records.get(record.key)
        return row if row is not None and row.record.version == record.version else None


def _copy(record: Record) -> Record:
    return replace(record, document=copied(record.document))


def _cursor(row: RecordRow) -> Cursor:
    return place_of(row.record.key, row.created_at)
