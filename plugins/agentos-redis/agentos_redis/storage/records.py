"""Records in Redis."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from agentos.backends import (
    LARGEST_VALUE,
    Cursor,
    Lease,
    Page,
    Paging,
    Record,
    RecordStore,
    check_value,
    id_and_owner,
    not_at,
    page_of,
    place_of,
)
from agentos_redis.storage.database import RedisStore, Refusal
from agentos_redis.storage.paging import bounds
from agentos_redis.storage.record_rows import record_of, record_values
from agentos_redis.storage.values import duration, time_of


class RedisRecordStore(RedisStore, RecordStore):
    """Records by collection, owner and id. Due times and leases are by the server's clock."""

    def put(self, record: Record, *, expected_version: int | None = None) -> Record:
        values = record_values(record)
        try:
            return record_of(self._database.write("record_put", **values, expected=expected_version))
        except Refusal:
            raise not_at(record, expected_version or 0) from None

    def get(self, collection: str, id: str, *, owner: str) -> Record | None:
        row = self._database.read("record_get", collection=collection, id=id, owner=owner)
        return None if row is None else record_of(row)

    def list(self, collection: str, paging: Paging, *, owner: str | None) -> Page[Record]:
        after = paging.cursor
        if after is not None:
            id, its_owner = id_and_owner(after)
            after = Cursor(after.time, f"{id}\n{its_owner}")
        query = {**bounds(after=after), "limit": paging.limit + 1, "offset": 0 if after else paging.offset}
        rows = self._database.read("record_list", collection=collection, owner=owner, query=query)
        return page_of(rows, paging, place=_place, convert=lambda kept: list(map(record_of, kept)))

    def delete(self, collection: str, id: str, *, owner: str, expected_version: int | None = None) -> bool:
        return bool(
            self._database.write("record_delete", collection=collection, id=id, owner=owner, expected=expected_version)
        )

    def delete_of_owner(self, data_owner: str, *, limit: int) -> int:
        return int(self._database.write("record_delete_of_owner", owner=data_owner, limit=limit))

    def add(self, collection: str, id: str, delta: int, *, owner: str, limit: int | None = None) -> int | None:
        check_value("delta", delta)
        check_value("limit", 0 if limit is None else limit)
        total = self._database.write(
            "record_add",
            **record_values(Record(collection=collection, id=id, owner=owner)),
            delta=delta,
            most=LARGEST_VALUE if limit is None else limit,
            largest=LARGEST_VALUE,
        )
        return None if total is None else int(total)

    def take_due(self, collections: Collection[str], lease: Lease, *, limit: int) -> Sequence[Record]:
        rows = self._database.write("record_take", collections=list(collections), limit=limit, **_lease(lease))
        return list(map(record_of, rows))

    def renew(self, records: Sequence[Record], lease: Lease) -> None:
        given = [{**record.key._asdict(), "version": record.version} for record in records]
        self._database.write("record_renew", records=given, **_lease(lease))

    def give_back(self, record: Record, *, seconds: float) -> bool:
        key = record.key._asdict()
        return bool(self._database.write("record_give_back", **key, version=record.version, after=duration(seconds)))

    def next_due(self, collections: Collection[str]) -> float | None:
        left = self._database.write("record_next_due", collections=list(collections))
        return None if left is None else max(0.0, int(left) / 1_000_000)


def _lease(lease: Lease) -> dict[str, str | int]:
    return {"worker": lease.worker_id, "lease": duration(lease.seconds)}


def _place(row: Sequence[Any]) -> Cursor:
    return place_of(record_of(row).key, time_of(row[-1]))
