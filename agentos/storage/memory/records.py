"""Records in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from agentos.errors import PreconditionFailed
from agentos.storage.admission import Lease
from agentos.storage.json_text import copied
from agentos.storage.memory.rows import MemoryStore
from agentos.storage.paging import Page, Paging
from agentos.storage.records import Record, RecordKey, RecordStore


class MemoryRecordStore(MemoryStore, RecordStore):
    """Records by collection, owner and id."""

    def put(self, record: Record, *, expected_version: int | None = None) -> Record:
        with self._lock:
            present = self._rows.records.get(record.key)
            version = 0 if present is None else present.record.version
            if expected_version not in (None, version):
                raise PreconditionFailed(
                    f"record {record.id!r} of {record.collection!r} is at version {version}, not {expected_version}"
                )
            return _copy(self._rows.put_record(record))

    def get(self, collection: str, id: str, *, owner: str) -> Record | None:
        with self._lock:
            row = self._rows.records.get(RecordKey(collection, owner, id))
            return None if row is None else _copy(row.record)

    def list(self, collection: str, paging: Paging, *, owner: str | None = None) -> Page[Record]:
        raise NotImplementedError

    def delete(self, collection: str, id: str, *, owner: str, expected_version: int | None = None) -> bool:
        with self._lock:
            row = self._rows.records.get(RecordKey(collection, owner, id))
            if row is None or expected_version not in (None, row.record.version):
                return False
            del self._rows.records[row.record.key]
            return True

    def delete_of_owner(self, owner: str, *, limit: int) -> int:
        raise NotImplementedError

    def take_due(self, collections: Collection[str], lease: Lease, *, limit: int) -> Sequence[Record]:
        raise NotImplementedError

    def next_due(self, collections: Collection[str]) -> float | None:
        raise NotImplementedError

    def add(self, collection: str, id: str, delta: int, *, owner: str, limit: int | None = None) -> int | None:
        raise NotImplementedError


def _copy(record: Record) -> Record:
    return replace(record, document=copied(record.document))
