"""Records to rows and back, and how other stores put and delete them in their own transactions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import bindparam, delete, null

from agentos.storage.records import Record, RecordKey, document_text
from agentos.storage.sqlalchemy.columns import Values, microseconds, object_of, time_or_none
from agentos.storage.sqlalchemy.connection import Connection, Row
from agentos.storage.sqlalchemy.dialects import database_now, for_each_dialect
from agentos.storage.sqlalchemy.tables import records

_GIVEN = ("collection", "owner", "id", "document", "due_at")


def _put(dialect: Any) -> Any:
    """Build what adds or replaces a record and returns its row. What :meth:`RecordStore.add` counts stays."""
    new: dict[str, Any] = {name: bindparam(name, type_=records.c[name].type) for name in _GIVEN}
    new.update(version=1, attempts=0, value=0, worker_id=null(), lease_until=null(), created_at=database_now())
    statement = dialect.insert(records).values(new)
    given = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=[records.c.collection, records.c.owner, records.c.id],
        set_={
            "document": given.document,
            "due_at": given.due_at,
            "version": records.c.version + 1,
            "attempts": 0,
            "worker_id": null(),
            "lease_until": null(),
        },
    ).returning(*records.c)


PUT_RECORD = for_each_dialect(_put)
"""For each dialect, the statement that puts the row of :func:`record_values` and returns it as it is then."""

OF_KEY = (
    records.c.collection == bindparam("collection"),
    records.c.owner == bindparam("owner"),
    records.c.id == bindparam("id"),
)
"""The conditions that find the record of a :class:`RecordKey`, by the values of ``key._asdict()``."""

_DELETE = delete(records).where(*OF_KEY)


def record_values(record: Record) -> Values:
    """Return what the row of a record is given: its key, its document and when it is due."""
    return {
        **record.key._asdict(),
        "document": document_text(record),
        "due_at": None if record.due_at is None else microseconds(record.due_at),
    }


def record_of(row: Row) -> Record:
    """Return the record of a row."""
    return Record(
        collection=row.collection,
        owner=row.owner,
        id=row.id,
        document=object_of(row.document),
        due_at=time_or_none(row.due_at),
        version=row.version,
        attempts=row.attempts,
        value=row.value,
    )


def put_records(connection: Connection, new: Iterable[Record]) -> None:
    """Put records in the caller's transaction, in the order of their keys, so that two of these never block."""
    for record in sorted(new, key=lambda one: one.key):
        connection.execute(PUT_RECORD[connection.dialect], record_values(record))


def delete_records(connection: Connection, keys: Iterable[RecordKey]) -> None:
    """Delete records in the caller's transaction, in the order of their keys."""
    for key in sorted(keys):
        connection.execute(_DELETE, key._asdict())
